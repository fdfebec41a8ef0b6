#include "parse/notification.h"

#include <arpa/inet.h>

#include <cstddef>

#include "parse/sctp.h"

namespace backplane::parse {

// Layouts of Linux 6.1; older headers had a 16-bit number in sctp_remote_error that moved its tail.
static_assert(sizeof(sctp_assoc_change) == 20);
static_assert(sizeof(sctp_paddr_change) == 148);
static_assert(offsetof(sctp_paddr_change, spc_state) == 136);
static_assert(sizeof(sctp_remote_error) == 16);
static_assert(sizeof(sctp_send_failed_event) == 32);
static_assert(sizeof(sctp_shutdown_event) == 12);
static_assert(sizeof(sctp_sender_dry_event) == 12);
static_assert(sizeof(sctp_pdapi_event) == 24);

namespace {

struct Header {
  uint16_t type;
  uint16_t flags;
  uint32_t length;
};

std::vector<uint8_t> Copy(Bytes bytes) { return {bytes.data, bytes.data + bytes.length}; }

bool ParseAssociation(Bytes input, Notification* out) {
  sctp_assoc_change event;
  if (!input.Read(0, &event)) return false;
  switch (event.sac_state) {
    case SCTP_COMM_UP:
      out->association = AssociationChange::kUp;
      break;
    case SCTP_COMM_LOST:
      out->association = AssociationChange::kLost;
      break;
    case SCTP_RESTART:
      out->association = AssociationChange::kRestart;
      break;
    case SCTP_SHUTDOWN_COMP:
      out->association = AssociationChange::kShutdownComplete;
      break;
    case SCTP_CANT_STR_ASSOC:
      out->association = AssociationChange::kCannotStart;
      break;
    default:
      return false;
  }
  out->type = NotificationType::kAssociation;
  // The kernel hands the cause code through as it was on the wire.
  out->error = ntohs(event.sac_error);
  out->outbound_streams = event.sac_outbound_streams;
  out->inbound_streams = event.sac_inbound_streams;
  out->data = Copy(input.From(sizeof event));
  return true;
}

PathChange PathChangeOf(int state) {
  switch (state) {
    case SCTP_ADDR_AVAILABLE:
      return PathChange::kAvailable;
    case SCTP_ADDR_UNREACHABLE:
      return PathChange::kUnreachable;
    case SCTP_ADDR_REMOVED:
      return PathChange::kRemoved;
    case SCTP_ADDR_ADDED:
      return PathChange::kAdded;
    case SCTP_ADDR_MADE_PRIM:
      return PathChange::kMadePrimary;
    case SCTP_ADDR_CONFIRMED:
      return PathChange::kConfirmed;
    case SCTP_ADDR_POTENTIALLY_FAILED:
      return PathChange::kPotentiallyFailed;
    default:
      return PathChange::kUnknown;
  }
}

bool ParsePath(Bytes input, Notification* out) {
  sctp_paddr_change event;
  if (!input.Read(0, &event)) return false;
  const Bytes address = input.From(offsetof(sctp_paddr_change, spc_aaddr));
  if (!ParseSockaddr(address.First(sizeof event.spc_aaddr), &out->address)) return false;
  out->type = NotificationType::kPath;
  out->path = PathChangeOf(event.spc_state);
  out->error = static_cast<uint32_t>(event.spc_error);
  return true;
}

bool ParseSendFailed(Bytes input, Notification* out) {
  sctp_send_failed_event event;
  if (!input.Read(0, &event)) return false;
  out->type = NotificationType::kSendFailed;
  // Only a clear "unsent" may say so: a wrong one would let a message be sent twice.
  out->sent = event.ssf_flags != SCTP_DATA_UNSENT;
  out->error = event.ssf_error;
  out->stream = event.ssfe_info.snd_sid;
  out->ppid = ntohl(event.ssfe_info.snd_ppid);
  out->context = event.ssfe_info.snd_context;
  out->data = Copy(input.From(sizeof event));
  return true;
}

bool ParseRemoteError(Bytes input, Notification* out) {
  sctp_remote_error event;
  if (!input.Read(0, &event)) return false;
  out->type = NotificationType::kRemoteError;
  out->error = ntohs(event.sre_error);
  out->data = Copy(input.From(sizeof event));
  return true;
}

bool ParseFixed(Bytes input, size_t size, NotificationType type, Notification* out) {
  if (input.length < size) return false;
  out->type = type;
  return true;
}

bool ParsePartial(Bytes input, Notification* out) {
  sctp_pdapi_event event;
  if (!input.Read(0, &event)) return false;
  if (event.pdapi_indication != SCTP_PARTIAL_DELIVERY_ABORTED) return false;
  out->type = NotificationType::kPartialAborted;
  out->stream = static_cast<uint16_t>(event.pdapi_stream);
  return true;
}

bool ParseBody(uint16_t type, Bytes input, Notification* out) {
  switch (type) {
    case SCTP_ASSOC_CHANGE:
      return ParseAssociation(input, out);
    case SCTP_PEER_ADDR_CHANGE:
      return ParsePath(input, out);
    case SCTP_SHUTDOWN_EVENT:
      return ParseFixed(input, sizeof(sctp_shutdown_event), NotificationType::kShutdown, out);
    case SCTP_SEND_FAILED_EVENT:
      return ParseSendFailed(input, out);
    case SCTP_SENDER_DRY_EVENT:
      return ParseFixed(input, sizeof(sctp_sender_dry_event), NotificationType::kSenderDry, out);
    case SCTP_REMOTE_ERROR:
      return ParseRemoteError(input, out);
    case SCTP_PARTIAL_DELIVERY_EVENT:
      return ParsePartial(input, out);
    default:
      return false;
  }
}

}  // namespace

Notification ParseNotification(Bytes input) {
  Notification result;
  Header header{};
  const bool readable = input.Read(0, &header);
  // Whatever stands behind the length that the kernel stated is not part of the notification.
  const bool whole = readable && header.length >= sizeof header && header.length <= input.length;
  if (!whole || !ParseBody(header.type, input.First(header.length), &result)) {
    result = Notification{};
  }
  result.kind = readable ? header.type : 0;
  result.length = static_cast<uint32_t>(input.length);
  return result;
}

bool IsTerminal(const Notification& notification) {
  if (notification.type != NotificationType::kAssociation) return false;
  return notification.association == AssociationChange::kLost ||
         notification.association == AssociationChange::kShutdownComplete ||
         notification.association == AssociationChange::kCannotStart;
}

}  // namespace backplane::parse
