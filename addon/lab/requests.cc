#include "lab/requests.h"

#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <limits>

namespace backplane::lab {
namespace {

// Frames the impairment holds at a time: 1 s of 1,000 frames a second, with room for bursts.
constexpr uint32_t kImpairmentLimit = 10000;

ifinfomsg Link(int index) {
  ifinfomsg info{};
  info.ifi_family = AF_UNSPEC;
  info.ifi_index = index;
  return info;
}

tcmsg RootQdisc(int index) {
  tcmsg message{};
  message.tcm_family = AF_UNSPEC;
  message.tcm_ifindex = index;
  message.tcm_parent = TC_H_ROOT;
  message.tcm_handle = TC_H_MAKE(1U << 16, 0);
  return message;
}

template <typename Number>
Number Read(const rtattr* attribute) {
  Number value{};
  if (RTA_PAYLOAD(attribute) >= sizeof(value)) {
    std::memcpy(&value, RTA_DATA(attribute), sizeof(value));
  }
  return value;
}

// Calls `each` for every attribute in a region.
template <typename Each>
void ForEach(const void* begin, size_t length, Each each) {
  auto left = static_cast<unsigned>(length);
  for (auto* attribute = static_cast<const rtattr*>(begin); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    each(attribute);
  }
}

template <typename Each>
void ForEachIn(const rtattr* nest, Each each) {
  ForEach(RTA_DATA(nest), RTA_PAYLOAD(nest), each);
}

uint16_t TypeOf(const rtattr* attribute) { return attribute->rta_type & NLA_TYPE_MASK; }

void ParsePort(const rtattr* link_info, LinkState* state) {
  ForEachIn(link_info, [&](const rtattr* info) {
    if (TypeOf(info) != IFLA_INFO_SLAVE_DATA) return;
    ForEachIn(info, [&](const rtattr* port) {
      if (TypeOf(port) == IFLA_BRPORT_STATE) state->port_state = Read<uint8_t>(port);
    });
  });
}

void ParseStatistics(const rtattr* attribute, LinkState* state) {
  const auto counters = Read<rtnl_link_stats64>(attribute);
  state->received_frames = counters.rx_packets;
  state->sent_frames = counters.tx_packets;
  state->received_bytes = counters.rx_bytes;
  state->sent_bytes = counters.tx_bytes;
}

}  // namespace

void AddVeth(Requests& requests, const VethEnd& end, const VethEnd& peer) {
  requests.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, Link(end.index));
  requests.Attribute(IFLA_IFNAME, end.name);
  requests.Number(IFLA_NET_NS_FD, end.namespace_fd);
  const size_t info = requests.BeginNest(IFLA_LINKINFO);
  requests.Attribute(IFLA_INFO_KIND, "veth");
  const size_t data = requests.BeginNest(IFLA_INFO_DATA);
  const size_t other = requests.BeginNest(VETH_INFO_PEER);
  const ifinfomsg peer_link = Link(peer.index);
  requests.Raw(&peer_link, sizeof(peer_link));
  requests.Attribute(IFLA_IFNAME, peer.name);
  requests.Number(IFLA_NET_NS_FD, peer.namespace_fd);
  requests.EndNest(other);
  requests.EndNest(data);
  requests.EndNest(info);
  requests.End();
}

void AddBridge(Requests& requests, int index, std::string_view name) {
  requests.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, Link(index));
  requests.Attribute(IFLA_IFNAME, name);
  const size_t info = requests.BeginNest(IFLA_LINKINFO);
  requests.Attribute(IFLA_INFO_KIND, "bridge");
  const size_t data = requests.BeginNest(IFLA_INFO_DATA);
  requests.Number<uint32_t>(IFLA_BR_STP_STATE, 0);
  requests.Number<uint32_t>(IFLA_BR_FORWARD_DELAY, 0);
  requests.Number<uint8_t>(IFLA_BR_MCAST_SNOOPING, 0);
  requests.EndNest(data);
  requests.EndNest(info);
  requests.End();
}

void SetLink(Requests& requests, int index, bool up) {
  ifinfomsg info = Link(index);
  info.ifi_change = IFF_UP;
  info.ifi_flags = up ? static_cast<unsigned>(IFF_UP) : 0U;
  requests.Begin(RTM_NEWLINK, 0, info);
  requests.End();
}

void SetMaster(Requests& requests, int index, int master) {
  requests.Begin(RTM_NEWLINK, 0, Link(index));
  requests.Number<uint32_t>(IFLA_MASTER, static_cast<uint32_t>(master));
  requests.End();
}

void AddAddress(Requests& requests, int index, const std::vector<uint8_t>& bytes,
                uint8_t prefix_bits) {
  ifaddrmsg message{};
  message.ifa_family = bytes.size() == 4 ? AF_INET : AF_INET6;
  message.ifa_prefixlen = prefix_bits;
  message.ifa_index = static_cast<uint32_t>(index);
  // Usable at once: nobody else on this wire has it.
  message.ifa_flags = IFA_F_NODAD;
  requests.Begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, message);
  requests.Attribute(IFA_LOCAL, bytes.data(), bytes.size());
  requests.Attribute(IFA_ADDRESS, bytes.data(), bytes.size());
  requests.End();
}

void SetImpairment(Requests& requests, int index, const Impairment& impairment) {
  requests.Begin(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, RootQdisc(index));
  requests.Attribute(TCA_KIND, "netem");
  const size_t options = requests.BeginNest(TCA_OPTIONS);
  tc_netem_qopt fixed{};
  fixed.limit = kImpairmentLimit;
  fixed.loss = static_cast<uint32_t>(impairment.loss_share * std::numeric_limits<uint32_t>::max());
  requests.Raw(&fixed, sizeof(fixed));
  requests.Number(TCA_NETEM_LATENCY64, impairment.delay_ns);
  requests.Number(TCA_NETEM_JITTER64, impairment.jitter_ns);
  requests.EndNest(options);
  requests.End();
}

void ClearImpairment(Requests& requests, int index) {
  requests.Begin(RTM_DELQDISC, 0, RootQdisc(index));
  requests.End();
}

void GetLink(Requests& requests, int index) {
  requests.Begin(RTM_GETLINK, 0, Link(index));
  requests.End();
}

bool ParseLink(const std::vector<uint8_t>& answer, LinkState* state) {
  if (answer.size() < NLMSG_LENGTH(sizeof(ifinfomsg))) return false;
  const auto* message = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len > answer.size()) return false;
  const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  state->up = (info->ifi_flags & IFF_UP) != 0;
  ForEach(IFLA_RTA(info), IFLA_PAYLOAD(message), [&](const rtattr* attribute) {
    switch (TypeOf(attribute)) {
      case IFLA_CARRIER:
        state->carrier = Read<uint8_t>(attribute) != 0;
        break;
      case IFLA_OPERSTATE:
        state->oper_state = Read<uint8_t>(attribute);
        break;
      case IFLA_LINKINFO:
        ParsePort(attribute, state);
        break;
      case IFLA_STATS64:
        ParseStatistics(attribute, state);
        break;
      default:
        break;
    }
  });
  return true;
}

}  // namespace backplane::lab
