// Feeds the addon's parsers with valid samples, mutations of them and random bytes, each in a heap
// block of exactly its size, so that AddressSanitizer sees every read past the end.
//
//     parse_fuzz [inputs] [seed]
//
// Build with -fsanitize=address,undefined. Prints the seed; the same seed gives the same inputs.
#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "parse/address.h"
#include "parse/assembly.h"
#include "parse/control.h"
#include "parse/notification.h"
#include "parse/sctp.h"

namespace {

using backplane::parse::Address;
using backplane::parse::Assembly;
using backplane::parse::AssociationChange;
using backplane::parse::Bytes;
using backplane::parse::Notification;
using backplane::parse::NotificationType;
using backplane::parse::PathChange;
using backplane::parse::ReceiveInfo;

using Sample = std::vector<uint8_t>;

void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::exit(1);
}

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

Bytes ViewOf(const Sample& sample) { return {sample.data(), sample.size()}; }

void CheckNotifications() {
  const Notification lost = ParseNotification(ViewOf(AssociationSample()));
  Check(lost.type == NotificationType::kAssociation, "association: type");
  Check(lost.association == AssociationChange::kLost && IsTerminal(lost), "association: change");
  Check(lost.error == 12, "association: cause code in host order");
  Check(lost.outbound_streams == 64 && lost.inbound_streams == 32, "association: streams");
  Check(lost.data == Sample({6, 0, 0, 4}), "association: the ABORT chunk");
  const Notification path = ParseNotification(ViewOf(PathSample()));
  Check(path.type == NotificationType::kPath, "path: type");
  Check(path.path == PathChange::kPotentiallyFailed, "path: change");
  Check(path.address.ToText() == "10.1.0.2" && path.address.port == 5000, "path: unmapped address");
  const Notification failed = ParseNotification(ViewOf(SendFailedSample()));
  Check(failed.type == NotificationType::kSendFailed && failed.sent, "send failed: type");
  Check(failed.stream == 7 && failed.ppid == 0x80000001 && failed.context == 99,
        "send failed: info");
  Check(failed.data == Sample({1, 2, 3}), "send failed: data");
  const Notification error = ParseNotification(ViewOf(RemoteErrorSample()));
  Check(error.type == NotificationType::kRemoteError && error.error == 6, "remote error");
  const Notification dry = ParseNotification(ViewOf(PlainSample(SCTP_SENDER_DRY_EVENT, 12)));
  Check(dry.type == NotificationType::kSenderDry, "sender dry");
  const Notification shutdown = ParseNotification(ViewOf(PlainSample(SCTP_SHUTDOWN_EVENT, 12)));
  Check(shutdown.type == NotificationType::kShutdown && !IsTerminal(shutdown), "shutdown");
  const Notification partial =
      ParseNotification(ViewOf(PlainSample(SCTP_PARTIAL_DELIVERY_EVENT, 24)));
  Check(partial.type == NotificationType::kPartialAborted, "partial delivery aborted");
  const Notification other = ParseNotification(ViewOf(PlainSample(0x8fff, 8)));
  Check(other.type == NotificationType::kOther && other.kind == 0x8fff && other.length == 8,
        "other");
}

void CheckAddresses() {
  const ReceiveInfo info = ParseControl(ViewOf(ControlSample()));
  Check(info.present && info.unordered && info.stream == 3 && info.ssn == 4, "control");
  Check(info.ppid == 77 && info.tsn == 12345, "control: ppid and tsn");
  const auto list = backplane::parse::ParseSockaddrList(ViewOf(AddressListSample()), 3);
  Check(list.size() == 3 && list[0].ToText() == "10.1.0.1", "address list: IPv4");
  Check(list[1].ToText() == "fd00::1" && list[2].ToText() == "10.2.0.1", "address list: IPv6");
  Address address;
  using backplane::parse::ParseAddressText;
  Check(ParseAddressText("::ffff:10.0.0.1", &address) && address.ToText() == "10.0.0.1",
        "mapped text");
  for (const char* text : {"", "10.0.0", "10.0.0.256", "fd00::1%lo", "fe80::1%", "host", "::1::"}) {
    Check(!ParseAddressText(text, &address), text);
  }
  Check(!ParseAddressText(std::string("10.0.0.1\0x", 10), &address), "text with a zero byte");
}

// The parsers' promises for any input.
void CheckInput(const uint8_t* data, size_t length) {
  const Bytes input{data, length};
  const Notification notification = ParseNotification(input);
  Check(notification.data.size() <= length, "no more data than there was input");
  Check(notification.length == length, "the length is the input's");
  (void)notification.address.ToText();
  const ReceiveInfo info = ParseControl(input);
  Check(info.present || (info.stream == 0 && info.tsn == 0), "no info means no values");
  const auto list = backplane::parse::ParseSockaddrList(input, 64);
  Check(list.size() <= length / sizeof(sockaddr_in), "no more addresses than fit");
  for (const Address& address : list) Check(!address.ToText().empty(), "each address has a text");
  Address address;
  if (ParseAddressText(std::string(reinterpret_cast<const char*>(data), length), &address)) {
    Address again;
    Check(ParseAddressText(address.ToText(), &again), "a text that was made can be read");
  }
}

// Pieces of any size: what comes out is what went in, and never more than the limit.
void CheckAssembly(std::mt19937_64* random) {
  const size_t limit = (*random)() % 4096;
  Assembly assembly;
  Sample whole;
  for (int piece = 0; piece < 8; piece++) {
    const Sample bytes((*random)() % 1024, static_cast<uint8_t>(piece));
    ReceiveInfo info;
    info.tsn = static_cast<uint32_t>(piece);
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    if (assembly.Add(ViewOf(bytes), info, limit) == Assembly::Result::kOversize) {
      Check(whole.size() > limit, "oversize only beyond the limit");
      Check(assembly.skipping() && !assembly.active(), "an oversize message is dropped whole");
      return;
    }
    Check(whole.size() <= limit, "nothing is kept beyond the limit");
  }
  const Sample result(assembly.bytes().data, assembly.bytes().data + assembly.bytes().length);
  Check(result == whole && assembly.info().tsn == 0, "the pieces make the message");
}

void Mutate(std::mt19937_64* random, Sample* sample) {
  const uint64_t changes = 1 + (*random)() % 4;
  for (uint64_t i = 0; i < changes && !sample->empty(); i++) {
    const size_t at = (*random)() % sample->size();
    switch ((*random)() % 5) {
      case 0:
        (*sample)[at] ^= static_cast<uint8_t>(1u << ((*random)() % 8));
        break;
      case 1:
        (*sample)[at] = (*random)() % 2 == 0 ? 0xff : 0;
        break;
      case 2:
        sample->resize(at);
        break;
      case 3:
        sample->insert(sample->end(), (*random)() % 64, static_cast<uint8_t>((*random)()));
        break;
      default:
        (*sample)[at] = static_cast<uint8_t>((*random)());
    }
  }
}

Sample RandomSample(std::mt19937_64* random) {
  Sample sample((*random)() % 320);
  for (uint8_t& byte : sample) byte = static_cast<uint8_t>((*random)());
  return sample;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t inputs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200000;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  CheckNotifications();
  CheckAddresses();
  const std::vector<Sample> samples = {
      AssociationSample(),
      PathSample(),
      SendFailedSample(),
      RemoteErrorSample(),
      PlainSample(SCTP_SENDER_DRY_EVENT, 12),
      PlainSample(SCTP_SHUTDOWN_EVENT, 12),
      PlainSample(SCTP_PARTIAL_DELIVERY_EVENT, 24),
      ControlSample(),
      AddressListSample(),
  };
  std::mt19937_64 random(seed);
  for (uint64_t i = 0; i < inputs; i++) {
    Sample sample = random() % 8 == 0 ? RandomSample(&random) : samples[random() % samples.size()];
    Mutate(&random, &sample);
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[sample.size()]);
    if (!sample.empty()) std::memcpy(exact.get(), sample.data(), sample.size());
    CheckInput(exact.get(), sample.size());
    if (i % 16 == 0) CheckAssembly(&random);
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(inputs));
  return 0;
}
