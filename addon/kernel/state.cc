// What the kernel tells about an association and its paths.
#include <time.h>

#include <cstddef>
#include <cstring>

#include "kernel/sockaddr.h"
#include "kernel/socket.h"
#include "parse/sctp.h"

namespace backplane::kernel {

static_assert(sizeof(sctp_paddrinfo) == 152);
static_assert(offsetof(sctp_paddrinfo, spinfo_address) == 4);
static_assert(sizeof(sctp_status) == 176);
static_assert(sizeof(sctp_assoc_stats) == 256);
static_assert(offsetof(sctp_assoc_stats, sas_maxrto) == 136);

namespace {

using parse::Bytes;

// Room for about 500 addresses; the kernel fails with ENOMEM where there are more.
constexpr size_t kAddressListBytes = 16 * 1024;

const char* PathStateName(int state) {
  switch (state) {
    case SCTP_INACTIVE:
      return "inactive";
    case SCTP_PF:
      return "potentially-failed";
    case SCTP_ACTIVE:
      return "active";
    case SCTP_UNCONFIRMED:
      return "unconfirmed";
    default:
      return "unknown";
  }
}

const char* AssociationStateName(int state) {
  switch (state) {
    case SCTP_EMPTY:
      return "empty";
    case SCTP_CLOSED:
      return "closed";
    case SCTP_COOKIE_WAIT:
      return "cookie-wait";
    case SCTP_COOKIE_ECHOED:
      return "cookie-echoed";
    case SCTP_ESTABLISHED:
      return "established";
    case SCTP_SHUTDOWN_PENDING:
      return "shutdown-pending";
    case SCTP_SHUTDOWN_SENT:
      return "shutdown-sent";
    case SCTP_SHUTDOWN_RECEIVED:
      return "shutdown-received";
    case SCTP_SHUTDOWN_ACK_SENT:
      return "shutdown-ack-sent";
    default:
      return "unknown";
  }
}

// The kernel gives the round trip time in ticks; the coarse clock's resolution is one tick.
double TickMs() {
  static const double tick_ms = [] {
    timespec resolution{};
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0) return 1.0;
    return static_cast<double>(resolution.tv_sec) * 1e3 +
           static_cast<double>(resolution.tv_nsec) / 1e6;
  }();
  return tick_ms;
}

PathInfo ToPathInfo(const sctp_paddrinfo& info) {
  PathInfo path;
  const auto* begin = reinterpret_cast<const uint8_t*>(&info);
  (void)parse::ParseSockaddr(
      Bytes{begin + offsetof(sctp_paddrinfo, spinfo_address), sizeof(sockaddr_storage)},
      &path.address);
  path.state = PathStateName(info.spinfo_state);
  path.cwnd_bytes = info.spinfo_cwnd;
  path.rtt_ms = info.spinfo_srtt * TickMs();
  path.rto_ms = info.spinfo_rto;
  path.mtu_bytes = info.spinfo_mtu;
  return path;
}

// A one-to-one socket has one association, which any number but 0 means; 0 means the socket itself.
constexpr sctp_assoc_t kTheAssociation = 1;

Status ReadAddresses(int fd, int option, sctp_assoc_t association,
                     std::vector<Address>* addresses) {
  std::vector<uint8_t> buffer(kAddressListBytes);
  std::memcpy(buffer.data() + offsetof(sctp_getaddrs, assoc_id), &association, sizeof association);
  socklen_t length = static_cast<socklen_t>(buffer.size());
  const int result = getsockopt(fd, IPPROTO_SCTP, option, buffer.data(), &length);
  if (result < 0) return Status::Of(result, "getsockopt");
  // The length that comes back counts the header for peers but not for local addresses. What lies
  // behind the addresses is zero, which is no address, so the whole buffer can be read.
  const Bytes answer{buffer.data(), buffer.size()};
  uint32_t count = 0;
  if (!answer.Read(offsetof(sctp_getaddrs, addr_num), &count)) return {EPROTO, "getsockopt", {}};
  *addresses = parse::ParseSockaddrList(answer.From(sizeof(sctp_getaddrs)), count);
  return Status::Ok();
}

}  // namespace

Status Socket::LocalAddresses(std::vector<Address>* addresses) const {
  // They differ where the kernel does not change the addresses of living associations: the socket
  // has the new address then, and the association has not.
  const Status status = ReadAddresses(fd(), SCTP_GET_LOCAL_ADDRS, kTheAssociation, addresses);
  if (status.error != EINVAL) return status;
  return ReadAddresses(fd(), SCTP_GET_LOCAL_ADDRS, 0, addresses);
}

Status Socket::PeerAddresses(std::vector<Address>* addresses) const {
  return ReadAddresses(fd(), SCTP_GET_PEER_ADDRS, 0, addresses);
}

uint16_t Socket::LocalPort() const {
  std::vector<Address> addresses;
  if (!LocalAddresses(&addresses).ok() || addresses.empty()) return 0;
  return addresses.front().port;
}

Address Socket::PathAddress(const Address& address) const {
  Address result = address;
  if (!address.empty() && address.port == 0) result.port = PeerPort();
  return result;
}

// An association has one port at its peer for life, whatever becomes of the addresses.
uint16_t Socket::PeerPort() const {
  if (peer_port_ != 0) return peer_port_;
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  Address peer;
  if (getpeername(fd(), reinterpret_cast<sockaddr*>(&storage), &length) == 0 &&
      parse::ParseSockaddr({reinterpret_cast<uint8_t*>(&storage), length}, &peer)) {
    peer_port_ = peer.port;
  }
  return peer_port_;
}

Status Socket::GetStatus(AssociationStatus* status) const {
  sctp_status raw{};
  socklen_t length = sizeof raw;
  const int result = getsockopt(fd(), IPPROTO_SCTP, SCTP_STATUS, &raw, &length);
  if (result < 0) return Status::Of(result, "getsockopt");
  status->state = AssociationStateName(raw.sstat_state);
  status->peer_window_bytes = raw.sstat_rwnd;
  status->unacked_chunks = raw.sstat_unackdata;
  status->pending_chunks = raw.sstat_penddata;
  status->outbound_streams = raw.sstat_outstrms;
  status->inbound_streams = raw.sstat_instrms;
  status->fragmentation_point_bytes = raw.sstat_fragmentation_point;
  status->primary = ToPathInfo(raw.sstat_primary);
  return Status::Ok();
}

Status Socket::GetPathInfo(const Address& address, PathInfo* info) const {
  sctp_paddrinfo raw{};
  sockaddr_storage storage;
  ToSockaddr(PathAddress(address), &storage);
  std::memcpy(&raw.spinfo_address, &storage, sizeof storage);
  socklen_t length = sizeof raw;
  const int result = getsockopt(fd(), IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &raw, &length);
  if (result < 0) return Status::Of(result, "getsockopt", address.ToText());
  *info = ToPathInfo(raw);
  return Status::Ok();
}

Status Socket::GetStatistics(AssociationStatistics* statistics) const {
  sctp_assoc_stats raw{};
  raw.sas_assoc_id = kTheAssociation;
  socklen_t length = sizeof raw;
  const int result = getsockopt(fd(), IPPROTO_SCTP, SCTP_GET_ASSOC_STATS, &raw, &length);
  if (result < 0) return Status::Of(result, "getsockopt");
  const auto* begin = reinterpret_cast<const uint8_t*>(&raw);
  // Nothing was measured yet where there is no address.
  (void)parse::ParseSockaddr(
      Bytes{begin + offsetof(sctp_assoc_stats, sas_obs_rto_ipaddr), sizeof(sockaddr_storage)},
      &statistics->max_rto_address);
  statistics->max_rto_ms = raw.sas_maxrto;
  statistics->sent_packets = raw.sas_opackets;
  statistics->received_packets = raw.sas_ipackets;
  statistics->sent_chunks = raw.sas_oodchunks + raw.sas_ouodchunks;
  statistics->received_chunks = raw.sas_iodchunks + raw.sas_iuodchunks;
  statistics->retransmitted_chunks = raw.sas_rtxchunks;
  statistics->duplicate_chunks = raw.sas_idupchunks;
  return Status::Ok();
}

}  // namespace backplane::kernel
