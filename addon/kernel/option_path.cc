#include <arpa/inet.h>

#include <cstddef>
#include <vector>

#include "kernel/option_calls.h"

namespace backplane::kernel {

// Packed: hbinterval at 132, pathmtu unaligned at 138. The ones with the address at 8 are not.
static_assert(sizeof(sctp_paddrparams) == 156);
static_assert(offsetof(sctp_paddrparams, spp_hbinterval) == 132);
static_assert(offsetof(sctp_paddrparams, spp_flags) == 146);
static_assert(sizeof(sctp_paddrthlds_v2) == 144);
static_assert(offsetof(sctp_paddrthlds_v2, spt_address) == 8);
static_assert(sizeof(sctp_prim) == 132);
static_assert(sizeof(sctp_udpencaps) == 144);

namespace {

// The kernel sends a heartbeat on demand only for one named path.
Status DemandHeartbeats(const Socket& socket, const OptionValue& path) {
  std::vector<Address> addresses;
  if (path.present) {
    addresses.push_back(path.address);
  } else {
    Status status = socket.PeerAddresses(&addresses);
    if (!status.ok()) return status;
  }
  for (const Address& address : addresses) {
    OptionValue value;
    value.present = true;
    value.address = address;
    sctp_paddrparams demand{};
    demand.spp_address = SockaddrOf(socket, value);
    demand.spp_flags = SPP_HB_DEMAND;
    Status status = SetRaw(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, demand);
    if (!status.ok()) return WithAddress(status, value);
  }
  return Status::Ok();
}

}  // namespace

Status SetPath(const Socket& socket, const OptionValues& values) {
  sctp_paddrparams path{};
  path.spp_address = SockaddrOf(socket, values[0]);
  path.spp_flags = values[1].number != 0 ? SPP_HB_ENABLE : SPP_HB_DISABLE;
  path.spp_hbinterval = values[2].number;
  // A plain 0 would leave the interval as it is. The flag goes with ENABLE only, else EINVAL.
  if (values[1].number != 0 && values[2].number == 0) path.spp_flags |= SPP_HB_TIME_IS_ZERO;
  path.spp_pathmaxrxt = values[3].number;
  Status status = SetRaw(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
  if (status.ok() && values[4].number != 0) return DemandHeartbeats(socket, values[0]);
  return WithAddress(status, values[0]);
}

Status GetPath(const Socket& socket, OptionValues* values) {
  sctp_paddrparams path{};
  path.spp_address = SockaddrOf(socket, (*values)[0]);
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path);
  Put(&(*values)[1], (path.spp_flags & SPP_HB_ENABLE) != 0 ? 1 : 0);
  Put(&(*values)[2], path.spp_hbinterval);
  Put(&(*values)[3], path.spp_pathmaxrxt);
  return WithAddress(status, (*values)[0]);
}

Status SetPathThresholds(const Socket& socket, const OptionValues& values) {
  sctp_paddrthlds_v2 thresholds{};
  thresholds.spt_address = SockaddrOf(socket, values[0]);
  thresholds.spt_pathmaxrxt = values[1].number;
  thresholds.spt_pathpfthld = values[2].number;
  thresholds.spt_pathcpthld = values[3].number;
  return WithAddress(SetRaw(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, thresholds), values[0]);
}

Status GetPathThresholds(const Socket& socket, OptionValues* values) {
  sctp_paddrthlds_v2 thresholds{};
  thresholds.spt_address = SockaddrOf(socket, (*values)[0]);
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, &thresholds);
  Put(&(*values)[1], thresholds.spt_pathmaxrxt);
  Put(&(*values)[2], thresholds.spt_pathpfthld);
  Put(&(*values)[3], thresholds.spt_pathcpthld);
  return WithAddress(status, (*values)[0]);
}

Status SetPrimary(const Socket& socket, const OptionValues& values) {
  sctp_prim primary{};
  primary.ssp_addr = SockaddrOf(socket, values[0]);
  return WithAddress(SetRaw(socket, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, primary), values[0]);
}

Status GetPrimary(const Socket& socket, OptionValues* values) {
  sctp_prim primary{};
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &primary);
  if (!status.ok()) return status;
  const auto* begin = reinterpret_cast<const uint8_t*>(&primary);
  (*values)[0].present = parse::ParseSockaddr(
      {begin + offsetof(sctp_prim, ssp_addr), sizeof(sockaddr_storage)}, &(*values)[0].address);
  return status;
}

Status SetUdpEncapsulation(const Socket& socket, const OptionValues& values) {
  sctp_udpencaps encapsulation{};
  encapsulation.sue_address = SockaddrOf(socket, values[0]);
  encapsulation.sue_port = htons(values[1].number);
  return WithAddress(SetRaw(socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, encapsulation),
                     values[0]);
}

Status GetUdpEncapsulation(const Socket& socket, OptionValues* values) {
  sctp_udpencaps encapsulation{};
  encapsulation.sue_address = SockaddrOf(socket, (*values)[0]);
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation);
  Put(&(*values)[1], ntohs(encapsulation.sue_port));
  return WithAddress(status, (*values)[0]);
}

}  // namespace backplane::kernel
