#include "kernel/option.h"

#include "kernel/option_calls.h"

namespace backplane::kernel {

namespace {

using Kind = OptionField::Kind;

constexpr OptionField kBoolean{nullptr, Kind::kBoolean};
constexpr OptionField kNumber{nullptr, Kind::kUint32};
constexpr OptionField kAnyPath{"address", Kind::kAddress, true};

constexpr Option kOptions[] = {
    {"init",
     {{{"outboundStreams", Kind::kUint16},
       {"inboundStreams", Kind::kUint16},
       {"maxAttempts", Kind::kUint16},
       {"maxTimeoutMs", Kind::kUint16}}},
     4,
     SetInit,
     GetInit},
    {"rto", {{{"initialMs"}, {"minMs"}, {"maxMs"}}}, 3, SetRto, GetRto},
    {"association",
     {{{"maxRetransmits", Kind::kUint16}, {"cookieLifeMs"}}},
     2,
     SetAssociation,
     GetAssociation},
    {"path",
     {{kAnyPath,
       {"heartbeat", Kind::kBoolean},
       {"heartbeatIntervalMs"},
       {"maxRetransmits", Kind::kUint16},
       {"heartbeatNow", Kind::kBoolean, true}}},
     5,
     SetPath,
     GetPath},
    {"pathThresholds",
     {{kAnyPath,
       {"maxRetransmits", Kind::kUint16},
       {"potentiallyFailed", Kind::kUint16},
       {"primarySwitchover", Kind::kUint16}}},
     4,
     SetPathThresholds,
     GetPathThresholds},
    {"exposePotentiallyFailed",
     {{kBoolean}},
     1,
     SetExposePotentiallyFailed,
     GetExposePotentiallyFailed},
    {"sack", {{{"delayMs"}, {"frequency"}}}, 2, SetSack, GetSack},
    {"noDelay", {{kBoolean}}, 1, SetNoDelay, GetNoDelay},
    {"streamScheduler", {{kNumber}}, 1, SetStreamScheduler, GetStreamScheduler},
    {"reuseAddress", {{kBoolean}}, 1, SetReuseAddress, GetReuseAddress},
    {"changeAddresses", {{kBoolean}}, 1, SetChangeAddresses, GetChangeAddresses},
    {"events", {{kBoolean}}, 1, SetEvents, GetEvents},
    {"senderDryEvent", {{kBoolean}}, 1, SetSenderDryEvent, GetSenderDryEvent},
    {"receiveInfo", {{kBoolean}}, 1, SetReceiveInfo, GetReceiveInfo},
    {"context", {{kNumber}}, 1, SetContext, GetContext},
    {"sendBuffer", {{kNumber}}, 1, SetSendBuffer, GetSendBuffer},
    {"receiveBuffer", {{kNumber}}, 1, SetReceiveBuffer, GetReceiveBuffer},
    {"sendBufferForce", {{kNumber}}, 1, SetSendBufferForce, nullptr},
    {"receiveBufferForce", {{kNumber}}, 1, SetReceiveBufferForce, nullptr},
    {"primary", {{{"address", Kind::kAddress}}}, 1, SetPrimary, GetPrimary},
    {"udpEncapsulation",
     {{kAnyPath, {"port", Kind::kUint16}}},
     2,
     SetUdpEncapsulation,
     GetUdpEncapsulation},
};

}  // namespace

const Option* FindOption(std::string_view name) {
  for (const Option& option : kOptions) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

}  // namespace backplane::kernel
