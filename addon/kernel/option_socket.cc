#include "kernel/option_calls.h"

namespace backplane::kernel {

static_assert(sizeof(sctp_event) == 8);
static_assert(sizeof(sctp_assoc_value) == 8);

namespace {

// Values of SCTP_EXPOSE_PF_STATE; the kernel's header for programs does not name them.
constexpr uint32_t kExposeOff = 1;
constexpr uint32_t kExposeOn = 2;

// Every notification that the parser understands, except SENDER_DRY, which has a switch of its own.
constexpr uint16_t kEvents[] = {SCTP_ASSOC_CHANGE,      SCTP_PEER_ADDR_CHANGE,
                                SCTP_SEND_FAILED_EVENT, SCTP_REMOTE_ERROR,
                                SCTP_SHUTDOWN_EVENT,    SCTP_PARTIAL_DELIVERY_EVENT};

Status SetInt(const Socket& socket, int level, int name, uint32_t number) {
  return SetRaw(socket, level, name, static_cast<int>(number));
}

Status GetInt(const Socket& socket, int level, int name, OptionValues* values) {
  int number = 0;
  Status status = GetRaw(socket, level, name, &number);
  Put(&(*values)[0], static_cast<uint32_t>(number));
  return status;
}

Status SetEvent(const Socket& socket, uint16_t type, bool on) {
  sctp_event event{};
  event.se_type = type;
  event.se_on = on ? 1 : 0;
  return SetRaw(socket, IPPROTO_SCTP, SCTP_EVENT, event);
}

Status GetEvent(const Socket& socket, uint16_t type, bool* on) {
  sctp_event event{};
  event.se_type = type;
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_EVENT, &event);
  *on = event.se_on != 0;
  return status;
}

Status SetValue(const Socket& socket, int name, uint32_t number) {
  sctp_assoc_value value{};
  value.assoc_value = number;
  return SetRaw(socket, IPPROTO_SCTP, name, value);
}

Status GetValue(const Socket& socket, int name, uint32_t* number) {
  sctp_assoc_value value{};
  Status status = GetRaw(socket, IPPROTO_SCTP, name, &value);
  *number = value.assoc_value;
  return status;
}

}  // namespace

Status SetNoDelay(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, IPPROTO_SCTP, SCTP_NODELAY, values[0].number);
}

Status GetNoDelay(const Socket& socket, OptionValues* values) {
  return GetInt(socket, IPPROTO_SCTP, SCTP_NODELAY, values);
}

// RFC 8260, 4.3.2; the association to come takes it from its socket.
Status SetStreamScheduler(const Socket& socket, const OptionValues& values) {
  return SetValue(socket, SCTP_STREAM_SCHEDULER, values[0].number);
}

Status GetStreamScheduler(const Socket& socket, OptionValues* values) {
  uint32_t number = 0;
  Status status = GetValue(socket, SCTP_STREAM_SCHEDULER, &number);
  Put(&(*values)[0], number);
  return status;
}

Status SetReuseAddress(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, SOL_SOCKET, SO_REUSEADDR, values[0].number);
}

Status GetReuseAddress(const Socket& socket, OptionValues* values) {
  return GetInt(socket, SOL_SOCKET, SO_REUSEADDR, values);
}

Status SetChangeAddresses(const Socket& socket, const OptionValues& values) {
  return SetValue(socket, SCTP_ASCONF_SUPPORTED, values[0].number);
}

Status GetChangeAddresses(const Socket& socket, OptionValues* values) {
  uint32_t number = 0;
  Status status = GetValue(socket, SCTP_ASCONF_SUPPORTED, &number);
  Put(&(*values)[0], number);
  return status;
}

Status SetEvents(const Socket& socket, const OptionValues& values) {
  for (const uint16_t type : kEvents) {
    Status status = SetEvent(socket, type, values[0].number != 0);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status GetEvents(const Socket& socket, OptionValues* values) {
  bool all = true;
  for (const uint16_t type : kEvents) {
    bool on = false;
    Status status = GetEvent(socket, type, &on);
    if (!status.ok()) return status;
    all = all && on;
  }
  Put(&(*values)[0], all ? 1 : 0);
  return Status::Ok();
}

Status SetSenderDryEvent(const Socket& socket, const OptionValues& values) {
  return SetEvent(socket, SCTP_SENDER_DRY_EVENT, values[0].number != 0);
}

Status GetSenderDryEvent(const Socket& socket, OptionValues* values) {
  bool on = false;
  Status status = GetEvent(socket, SCTP_SENDER_DRY_EVENT, &on);
  Put(&(*values)[0], on ? 1 : 0);
  return status;
}

Status SetReceiveInfo(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, values[0].number);
}

Status GetReceiveInfo(const Socket& socket, OptionValues* values) {
  return GetInt(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, values);
}

Status SetContext(const Socket& socket, const OptionValues& values) {
  return SetValue(socket, SCTP_CONTEXT, values[0].number);
}

Status GetContext(const Socket& socket, OptionValues* values) {
  uint32_t number = 0;
  Status status = GetValue(socket, SCTP_CONTEXT, &number);
  Put(&(*values)[0], number);
  return status;
}

Status SetExposePotentiallyFailed(const Socket& socket, const OptionValues& values) {
  return SetValue(socket, SCTP_EXPOSE_PF_STATE, values[0].number != 0 ? kExposeOn : kExposeOff);
}

Status GetExposePotentiallyFailed(const Socket& socket, OptionValues* values) {
  uint32_t number = 0;
  Status status = GetValue(socket, SCTP_EXPOSE_PF_STATE, &number);
  Put(&(*values)[0], number == kExposeOn ? 1 : 0);
  return status;
}

Status SetSendBuffer(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, SOL_SOCKET, SO_SNDBUF, values[0].number);
}

Status GetSendBuffer(const Socket& socket, OptionValues* values) {
  return GetInt(socket, SOL_SOCKET, SO_SNDBUF, values);
}

Status SetReceiveBuffer(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, SOL_SOCKET, SO_RCVBUF, values[0].number);
}

Status GetReceiveBuffer(const Socket& socket, OptionValues* values) {
  return GetInt(socket, SOL_SOCKET, SO_RCVBUF, values);
}

Status SetSendBufferForce(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, SOL_SOCKET, SO_SNDBUFFORCE, values[0].number);
}

Status SetReceiveBufferForce(const Socket& socket, const OptionValues& values) {
  return SetInt(socket, SOL_SOCKET, SO_RCVBUFFORCE, values[0].number);
}

}  // namespace backplane::kernel
