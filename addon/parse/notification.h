#ifndef BACKPLANE_PARSE_NOTIFICATION_H_
#define BACKPLANE_PARSE_NOTIFICATION_H_

#include <cstdint>
#include <vector>

#include "parse/address.h"
#include "parse/bytes.h"

namespace backplane::parse {

enum class NotificationType : uint8_t {
  kAssociation,
  kPath,
  kShutdown,
  kSendFailed,
  kSenderDry,
  kRemoteError,
  kPartialAborted,
  kOther,
};

enum class AssociationChange : uint8_t { kUp, kLost, kRestart, kShutdownComplete, kCannotStart };

enum class PathChange : uint8_t {
  kAvailable,
  kUnreachable,
  kRemoved,
  kAdded,
  kMadePrimary,
  kConfirmed,
  kPotentiallyFailed,
  kUnknown,
};

// One notification (RFC 6458, section 6.1). Only the fields of its type mean anything. It owns its
// bytes, because it outlives the buffer it was read into.
struct Notification {
  NotificationType type = NotificationType::kOther;
  AssociationChange association = AssociationChange::kLost;
  PathChange path = PathChange::kUnknown;
  bool sent = false;
  // Cause code in host byte order (association, remote error), else the number as the kernel gave
  // it.
  uint32_t error = 0;
  uint16_t outbound_streams = 0;
  uint16_t inbound_streams = 0;
  uint16_t stream = 0;
  uint32_t ppid = 0;
  uint32_t context = 0;
  uint32_t kind = 0;    // every type: the kernel's number of it
  uint32_t length = 0;  // every type: bytes that were read
  Address address;
  std::vector<uint8_t> data;  // the ABORT chunk, the failed payload, the error's body
};

// Never fails: what cannot be understood, or is cut short, becomes kOther.
Notification ParseNotification(Bytes input);

// True when nothing can come after it on a one-to-one socket.
bool IsTerminal(const Notification& notification);

}  // namespace backplane::parse

#endif  // BACKPLANE_PARSE_NOTIFICATION_H_
