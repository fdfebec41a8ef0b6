#include "kernel/socket.h"

#include <arpa/inet.h>

#include "kernel/sockaddr.h"
#include "parse/sctp.h"

namespace backplane::kernel {

namespace {

// The kernel does not say which address of a list it refused; any socket can tell which is not
// ours.
const Address* FirstNotLocal(const std::vector<Address>& addresses) {
  for (const Address& address : addresses) {
    Address any_port = address;
    any_port.port = 0;
    sockaddr_storage storage;
    const socklen_t length = ToSockaddr(any_port, &storage);
    Descriptor probe(socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!probe.valid()) return nullptr;
    const int result = bind(probe.get(), reinterpret_cast<sockaddr*>(&storage), length);
    if (result < 0 && errno == EADDRNOTAVAIL) return &address;
  }
  return nullptr;
}

Status ChangeAddresses(int fd, int option, const std::vector<Address>& addresses) {
  const std::vector<uint8_t> packed = PackSockaddrs(addresses);
  const int result = setsockopt(fd, IPPROTO_SCTP, option, packed.data(), packed.size());
  if (result >= 0) return Status::Ok();
  Status status = Status::Of(result, "bind", JoinAddresses(addresses));
  if (status.error == EADDRNOTAVAIL) {
    const Address* culprit = FirstNotLocal(addresses);
    if (culprit != nullptr) status.address = culprit->ToText();
  }
  return status;
}

}  // namespace

Status Socket::Open(bool ipv6, Socket* socket) {
  const int family = ipv6 ? AF_INET6 : AF_INET;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
  if (fd < 0) return Status::Of(fd, "socket");
  *socket = Socket(Descriptor(fd), Kind::kSctp);
  return Status::Ok();
}

Status Socket::Bind(const std::vector<Address>& addresses) {
  return ChangeAddresses(fd(), SCTP_SOCKOPT_BINDX_ADD, addresses);
}

Status Socket::AddAddresses(std::vector<Address> addresses) {
  for (Address& address : addresses) address.port = LocalPort();
  return ChangeAddresses(fd(), SCTP_SOCKOPT_BINDX_ADD, addresses);
}

Status Socket::RemoveAddresses(std::vector<Address> addresses) {
  for (Address& address : addresses) address.port = LocalPort();
  return ChangeAddresses(fd(), SCTP_SOCKOPT_BINDX_REM, addresses);
}

Status Socket::Listen(int backlog) { return Status::Of(listen(fd(), backlog), "listen"); }

Status Socket::Connect(const std::vector<Address>& addresses) {
  std::vector<uint8_t> packed = PackSockaddrs(addresses);
  // SCTP_SOCKOPT_CONNECTX3 is a *get*: the kernel answers with the association's number.
  sctp_getaddrs_old request{};
  request.addr_num = static_cast<int>(packed.size());
  request.addrs = reinterpret_cast<sockaddr*>(packed.data());
  socklen_t length = sizeof request;
  const int result = getsockopt(fd(), IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &request, &length);
  if (result < 0 && errno == EINPROGRESS) return Status::Ok();
  return Status::Of(result, "connect", JoinAddresses(addresses));
}

Status Socket::Accept(Socket* accepted) {
  // Neither flag is inherited from the listening socket.
  const int fd = accept4(this->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return Status::Of(fd, "accept");
  *accepted = Socket(Descriptor(fd), kind_);
  return Status::Ok();
}

Status Socket::Shutdown() { return Status::Of(shutdown(fd(), SHUT_WR), "shutdown"); }

void Socket::AbortOnClose() {
  const linger now = {1, 0};
  // Nothing can be done where this fails: the close is then a graceful one.
  (void)setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int Socket::TakeError() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error;
}

bool Socket::HasAssociation() const {
  if (stand_in()) return true;
  sctp_status status{};
  socklen_t length = sizeof status;
  return getsockopt(fd(), IPPROTO_SCTP, SCTP_STATUS, &status, &length) == 0;
}

int Socket::SendBufferBytes() const {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &bytes, &length) < 0 ? 0 : bytes;
}

}  // namespace backplane::kernel
