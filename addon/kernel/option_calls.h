#ifndef BACKPLANE_KERNEL_OPTION_CALLS_H_
#define BACKPLANE_KERNEL_OPTION_CALLS_H_

#include "kernel/option.h"
#include "kernel/sockaddr.h"
#include "parse/sctp.h"

namespace backplane::kernel {

// setsockopt and getsockopt of one struct. Association numbers stay 0 throughout: on a one-to-one
// socket the kernel takes that for the association where there is one, else for the one to come.
template <typename T>
Status SetRaw(const Socket& socket, int level, int name, const T& value) {
  return Status::Of(setsockopt(socket.fd(), level, name, &value, sizeof value), "setsockopt");
}

template <typename T>
Status GetRaw(const Socket& socket, int level, int name, T* value) {
  socklen_t length = sizeof *value;
  return Status::Of(getsockopt(socket.fd(), level, name, value, &length), "getsockopt");
}

// The address of a path as the kernel wants it; all zeros, for "all paths", when there is none.
inline sockaddr_storage SockaddrOf(const Socket& socket, const OptionValue& value) {
  sockaddr_storage storage;
  ToSockaddr(socket.PathAddress(value.address), &storage);
  return storage;
}

inline void Put(OptionValue* value, uint32_t number) {
  value->present = true;
  value->number = number;
}

inline Status WithAddress(Status status, const OptionValue& value) {
  if (!status.ok() && value.present) status.address = value.address.ToText();
  return status;
}

// Association-wide options (option_association.cc).
Status SetInit(const Socket& socket, const OptionValues& values);
Status GetInit(const Socket& socket, OptionValues* values);
Status SetRto(const Socket& socket, const OptionValues& values);
Status GetRto(const Socket& socket, OptionValues* values);
Status SetAssociation(const Socket& socket, const OptionValues& values);
Status GetAssociation(const Socket& socket, OptionValues* values);
Status SetSack(const Socket& socket, const OptionValues& values);
Status GetSack(const Socket& socket, OptionValues* values);

// Options of paths (option_path.cc).
Status SetPath(const Socket& socket, const OptionValues& values);
Status GetPath(const Socket& socket, OptionValues* values);
Status SetPathThresholds(const Socket& socket, const OptionValues& values);
Status GetPathThresholds(const Socket& socket, OptionValues* values);
Status SetPrimary(const Socket& socket, const OptionValues& values);
Status GetPrimary(const Socket& socket, OptionValues* values);
Status SetUdpEncapsulation(const Socket& socket, const OptionValues& values);
Status GetUdpEncapsulation(const Socket& socket, OptionValues* values);

// Options of the socket (option_socket.cc).
Status SetNoDelay(const Socket& socket, const OptionValues& values);
Status GetNoDelay(const Socket& socket, OptionValues* values);
Status SetStreamScheduler(const Socket& socket, const OptionValues& values);
Status GetStreamScheduler(const Socket& socket, OptionValues* values);
Status SetReuseAddress(const Socket& socket, const OptionValues& values);
Status GetReuseAddress(const Socket& socket, OptionValues* values);
Status SetChangeAddresses(const Socket& socket, const OptionValues& values);
Status GetChangeAddresses(const Socket& socket, OptionValues* values);
Status SetEvents(const Socket& socket, const OptionValues& values);
Status GetEvents(const Socket& socket, OptionValues* values);
Status SetSenderDryEvent(const Socket& socket, const OptionValues& values);
Status GetSenderDryEvent(const Socket& socket, OptionValues* values);
Status SetReceiveInfo(const Socket& socket, const OptionValues& values);
Status GetReceiveInfo(const Socket& socket, OptionValues* values);
Status SetContext(const Socket& socket, const OptionValues& values);
Status GetContext(const Socket& socket, OptionValues* values);
Status SetExposePotentiallyFailed(const Socket& socket, const OptionValues& values);
Status GetExposePotentiallyFailed(const Socket& socket, OptionValues* values);
Status SetSendBuffer(const Socket& socket, const OptionValues& values);
Status GetSendBuffer(const Socket& socket, OptionValues* values);
Status SetReceiveBuffer(const Socket& socket, const OptionValues& values);
Status GetReceiveBuffer(const Socket& socket, OptionValues* values);
Status SetSendBufferForce(const Socket& socket, const OptionValues& values);
Status SetReceiveBufferForce(const Socket& socket, const OptionValues& values);

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_OPTION_CALLS_H_
