#include "samples.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "check.h"
#include "parse/sctp.h"

namespace backplane::fuzz {

namespace {

template <typename T>
void Append(Sample* sample, const T& value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  sample->insert(sample->end(), bytes, bytes + sizeof value);
}

template <typename T>
Sample SampleOf(T event, const Sample& tail) {
  const uint32_t length = sizeof event + tail.size();
  std::memcpy(reinterpret_cast<uint8_t*>(&event) + 4, &length, sizeof length);
  Sample sample;
  Append(&sample, event);
  sample.insert(sample.end(), tail.begin(), tail.end());
  return sample;
}

Sample TextSample(const std::string& text) { return {text.begin(), text.end()}; }

sockaddr_in Ipv4(const char* text, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  Check(inet_pton(AF_INET, text, &address.sin_addr) == 1, "an IPv4 address");
  return address;
}

sockaddr_in6 Ipv6(const char* text, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  Check(inet_pton(AF_INET6, text, &address.sin6_addr) == 1, "an IPv6 address");
  return address;
}

}  // namespace

Sample AssociationSample() {
  sctp_assoc_change event{};
  event.sac_type = SCTP_ASSOC_CHANGE;
  event.sac_state = SCTP_COMM_LOST;
  event.sac_error = htons(12);
  event.sac_outbound_streams = 64;
  event.sac_inbound_streams = 32;
  return SampleOf(event, {6, 0, 0, 4});
}

Sample PathSample() {
  sctp_paddr_change event{};
  event.spc_type = SCTP_PEER_ADDR_CHANGE;
  const sockaddr_in6 address = Ipv6("::ffff:10.1.0.2", 5000);
  std::memcpy(reinterpret_cast<uint8_t*>(&event) + 8, &address, sizeof address);
  event.spc_state = SCTP_ADDR_POTENTIALLY_FAILED;
  return SampleOf(event, {});
}

Sample SendFailedSample() {
  sctp_send_failed_event event{};
  event.ssf_type = SCTP_SEND_FAILED_EVENT;
  event.ssf_flags = SCTP_DATA_SENT;
  event.ssfe_info.snd_sid = 7;
  event.ssfe_info.snd_ppid = htonl(0x80000001);
  event.ssfe_info.snd_context = 99;
  return SampleOf(event, {1, 2, 3});
}

Sample RemoteErrorSample() {
  sctp_remote_error event{};
  event.sre_type = SCTP_REMOTE_ERROR;
  event.sre_error = htons(6);
  return SampleOf(event, {0, 6, 0, 8, 1, 2, 3, 4});
}

Sample PlainSample(uint16_t type, size_t size) {
  Sample sample(size, 0);
  const auto length = static_cast<uint32_t>(size);
  std::memcpy(sample.data(), &type, sizeof type);
  std::memcpy(sample.data() + 4, &length, sizeof length);
  return sample;
}

Sample ControlSample() {
  sctp_rcvinfo info{};
  info.rcv_sid = 3;
  info.rcv_ssn = 4;
  info.rcv_flags = SCTP_UNORDERED;
  info.rcv_ppid = htonl(77);
  info.rcv_tsn = 12345;
  cmsghdr other{};
  other.cmsg_len = CMSG_LEN(4);
  other.cmsg_level = SOL_SOCKET;
  Sample sample;
  Append(&sample, other);
  Append(&sample, uint64_t{0});
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(sizeof info);
  header.cmsg_level = IPPROTO_SCTP;
  header.cmsg_type = SCTP_RCVINFO;
  Append(&sample, header);
  Append(&sample, info);
  return sample;
}

Sample AddressListSample() {
  Sample sample;
  Append(&sample, Ipv4("10.1.0.1", 5000));
  Append(&sample, Ipv6("fd00::1", 5000));
  Append(&sample, Ipv6("::ffff:10.2.0.1", 5000));
  return sample;
}

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = {
      AssociationSample(),
      PathSample(),
      SendFailedSample(),
      RemoteErrorSample(),
      PlainSample(SCTP_SENDER_DRY_EVENT, 12),
      PlainSample(SCTP_SHUTDOWN_EVENT, 12),
      PlainSample(SCTP_PARTIAL_DELIVERY_EVENT, 24),
      ControlSample(),
      AddressListSample(),
      TextSample("10.1.0.1"),
      TextSample("fd00::1"),
      TextSample("::ffff:10.1.0.1"),
      TextSample("fe80::1%lo"),
  };
  return samples;
}

}  // namespace backplane::fuzz
