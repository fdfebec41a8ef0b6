// Feeds the addon's parsers with valid samples, mutations of them and random bytes, each in a heap
// block of exactly its size, so that AddressSanitizer sees every read past the end. It needs no
// libFuzzer, and so is the one that every run of the tests can afford.
//
//     random_fuzz [inputs] [seed]
//
// Build with -fsanitize=address,undefined. Prints the seed; the same seed gives the same inputs.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "check.h"
#include "parse/address.h"
#include "parse/control.h"
#include "parse/notification.h"
#include "parse/sctp.h"
#include "samples.h"
#include "targets.h"

namespace {

using backplane::fuzz::AddressListSample;
using backplane::fuzz::AssociationSample;
using backplane::fuzz::Check;
using backplane::fuzz::ControlSample;
using backplane::fuzz::kTargets;
using backplane::fuzz::PathSample;
using backplane::fuzz::PlainSample;
using backplane::fuzz::RemoteErrorSample;
using backplane::fuzz::Sample;
using backplane::fuzz::Samples;
using backplane::fuzz::SendFailedSample;
using backplane::fuzz::Target;
using backplane::fuzz::ViewOf;
using backplane::parse::Address;
using backplane::parse::AssociationChange;
using backplane::parse::Notification;
using backplane::parse::NotificationType;
using backplane::parse::PathChange;
using backplane::parse::ReceiveInfo;

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
  std::mt19937_64 random(seed);
  for (uint64_t i = 0; i < inputs; i++) {
    Sample sample =
        random() % 8 == 0 ? RandomSample(&random) : Samples()[random() % Samples().size()];
    Mutate(&random, &sample);
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[sample.size()]);
    if (!sample.empty()) std::memcpy(exact.get(), sample.data(), sample.size());
    for (const Target& target : kTargets) target.run({exact.get(), sample.size()});
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(inputs));
  return 0;
}
