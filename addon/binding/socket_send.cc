// Sending: a queue that is handed to the kernel as far as it takes it.
#include <algorithm>

#include "binding/convert.h"
#include "binding/socket.h"

namespace backplane::binding {

namespace {

// Flags of the contract.
constexpr uint32_t kSendUnordered = 1;
constexpr uint32_t kSendSackNow = 2;

constexpr double kMaxStream = 65535;

// Where so much would be copied to wait for the end of the turn, it goes at once if it can.
constexpr size_t kSendNowBytes = 32 * 1024;

// The kernel reports room as soon as one message fits, and a flood that followed each such report
// would leave message by message. After a batch that met the end of the room the next one is sent
// after a pause instead, which grows while pauses end with less than half of the buffer free and
// shrinks while they end with nearly all of it free.
constexpr int kMinPauseMs = 1;
constexpr int kMaxPauseMs = 4;

}  // namespace

Napi::Value Socket::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!Open(env)) return {};
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type = napi_int8_array;
  if (napi_get_typedarray_info(env, info[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    ThrowType(env, "data must be a Uint8Array");
    return {};
  }
  uint32_t stream = 0;
  uint32_t ppid = 0;
  uint32_t flags = 0;
  uint32_t context = 0;
  if (!ToInteger(env, info[1], "stream", kMaxStream, &stream)) return {};
  if (napi_get_value_uint32(env, info[2], &ppid) != napi_ok ||
      napi_get_value_uint32(env, info[3], &flags) != napi_ok ||
      napi_get_value_uint32(env, info[4], &context) != napi_ok) {
    ThrowType(env, "ppid, flags and context must be numbers");
    return {};
  }
  if (shutdown_wanted_ || ended_) {
    ThrowStatus(env, {EPIPE, "sendmmsg", {}});
    return {};
  }
  if (length == 0) {
    // RFC 9260, 3.3.1: a DATA chunk has at least one byte.
    ThrowStatus(env, {EINVAL, "sendmmsg", {}});
    return {};
  }
  if (length > SendBufferBytes()) {
    // The kernel never takes it, whatever room there is.
    ThrowStatus(env, {EMSGSIZE, "sendmmsg", {}});
    return {};
  }
  kernel::SendInfo send;
  send.ppid = ppid;
  send.context = context;
  send.stream = static_cast<uint16_t>(stream);
  send.unordered = (flags & kSendUnordered) != 0;
  send.sack_now = (flags & kSendSackNow) != 0;
  const parse::Bytes message{static_cast<const uint8_t*>(data), length};
  const bool may_go = up_ && !blocked_ && !send_over_ && queue_.empty();
  if (may_go && length >= kSendNowBytes &&
      environment_->send_batch().SendNow(handle_->socket(), message, send)) {
    return Napi::Number::New(env, 0);
  }
  queue_.Push(message, send);
  if (queue_.bytes() > low_water_bytes_) above_low_water_ = true;
  return Napi::Number::New(env, static_cast<double>(queue_.bytes()));
}

Napi::Value Socket::Flush(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  // While the kernel has no room, what comes is sent with the next batch.
  if (!blocked_) FlushQueue();
  if (above_low_water_ && queue_.bytes() <= low_water_bytes_) {
    drained_due_ = true;
    handle_->Defer();
  }
  return {};
}

void Socket::FlushQueue() {
  if (ended_ || send_over_) return;
  kernel::Status status;
  want_writable_ = blocked_ = false;
  if (!up_) {
    // A socket becomes writable when its association is up.
    want_writable_ = connecting_ && (!queue_.empty() || shutdown_wanted_);
    UpdatePoll();
    return;
  }
  using Result = kernel::SendBatch::Result;
  Result result;
  size_t charged = 0;
  do {
    result = environment_->send_batch().Flush(handle_->socket(), &queue_, &charged, &status);
    if (result == Result::kRefused) RefuseFirst(status.error);
  } while (result == Result::kRefused);
  if (result == Result::kBlocked) {
    blocked_ = true;
    // Without memory POLLOUT may stand all the time, and would make the loop spin.
    const bool no_memory = status.error == ENOBUFS || status.error == ENOMEM;
    if (charged > 0) AdaptPause(charged);
    if (charged > 0 || no_memory) {
      handle_->Later(static_cast<uint64_t>(pause_ms_));
    } else {
      want_writable_ = true;
    }
  }
  if (result == Result::kEmpty && shutdown_wanted_) FinishShutdown();
  if (result == Result::kOver) {
    send_over_ = finish_due_ = true;
    // EPIPE only says that it is over; the reason is told by the receiving side.
    if (status.error != EPIPE && end_status_.ok()) end_status_ = status;
    handle_->Defer();
  }
  UpdatePoll();
}

size_t Socket::SendBufferBytes() {
  if (send_buffer_bytes_ == 0) send_buffer_bytes_ = handle_->socket().SendBufferBytes();
  return send_buffer_bytes_;
}

void Socket::AdaptPause(size_t charged) {
  const size_t buffer = SendBufferBytes();
  if (charged < buffer / 2) pause_ms_ = std::min(pause_ms_ + 1, kMaxPauseMs);
  if (charged > buffer / 8 * 7) pause_ms_ = std::max(pause_ms_ - 1, kMinPauseMs);
}

void Socket::OnLater() {
  const Napi::HandleScope scope(Env());
  [[maybe_unused]] const Napi::Object self = Value();
  FlushQueue();
  if (TakeDrained()) CallHandler(From::kLoop, "onDrain", {});
}

// The message at the front can never be sent: it comes back as one that never left.
void Socket::RefuseFirst(int error) {
  kernel::SendQueue::Cursor cursor(queue_);
  kernel::SendQueue::Message message;
  if (!cursor.Next(&message)) return;
  parse::Notification notification;
  notification.type = parse::NotificationType::kSendFailed;
  notification.sent = false;
  notification.error = static_cast<uint32_t>(error);
  notification.stream = message.info.stream;
  notification.ppid = message.info.ppid;
  notification.context = message.info.context;
  notification.data.assign(message.data, message.data + message.length);
  refused_.push_back(std::move(notification));
  queue_.Pop(1);
  handle_->Defer();
}

bool Socket::TakeDrained() {
  drained_due_ = false;
  if (handle_ == nullptr || !above_low_water_ || queue_.bytes() > low_water_bytes_) return false;
  above_low_water_ = false;
  return true;
}

Napi::Value Socket::Shutdown(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  if (!up_ && !connecting_) {
    ThrowStatus(info.Env(), {ENOTCONN, "shutdown", {}});
    return {};
  }
  if (shutdown_wanted_ || ended_) return {};
  shutdown_wanted_ = true;
  FlushQueue();
  return {};
}

void Socket::FinishShutdown() {
  if (std::exchange(shutdown_done_, true)) return;
  // It fails only where the association is over already, and then the receiving side tells how.
  const kernel::Status status = handle_->socket().Shutdown();
  if (status.ok()) return;
  finish_due_ = true;
  handle_->Defer();
}

Napi::Value Socket::QueuedBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(queue_.bytes()));
}

}  // namespace backplane::binding
