// Reading: rounds of messages, gathered into a slab and given to JavaScript in one crossing.
#include <cstring>

#include "binding/convert.h"
#include "binding/socket.h"

namespace backplane::binding {

namespace {

using parse::AssociationChange;
using parse::Notification;
using parse::NotificationType;

constexpr int32_t kNotificationLength = -1;
constexpr int32_t kFlagUnordered = 1;
// A payload above this gets memory of its own instead of wasting the rest of a slab.
constexpr size_t kOwnBufferBytes = Environment::kSlabBytes / 4;
// Far more than a notification can have: the payload of one chunk, or an ABORT chunk, with a
// header.
constexpr size_t kMaxNotificationBytes = 256 * 1024;
// More rounds than a script can want.
constexpr uint32_t kMaxRounds = 1 << 20;

MetaEntry EntryOf(size_t offset, size_t length, const parse::ReceiveInfo& info) {
  return {static_cast<int32_t>(offset),
          static_cast<int32_t>(length),
          info.stream,
          static_cast<int32_t>(info.ppid),
          info.unordered ? kFlagUnordered : 0,
          static_cast<int32_t>(info.tsn),
          info.ssn,
          0};
}

}  // namespace

Napi::Value Socket::Drain(const Napi::CallbackInfo& info) {
  uint32_t rounds = 0;
  if (!Open(info.Env()) || !ToInteger(info.Env(), info[0], "rounds", kMaxRounds, &rounds))
    return {};
  if (listening_ || handlers_.IsEmpty()) return Napi::Number::New(info.Env(), 0);
  return Napi::Number::New(info.Env(), Receive(From::kScript, static_cast<int>(rounds)));
}

uint32_t Socket::Receive(From from, int rounds) {
  // A handler that drains its own socket would get later messages before earlier ones.
  if (receiving_ || ended_) return 0;
  receiving_ = true;
  told_ = false;
  bool dry = false;
  if (!environment_->EnsureSlab(Env())) {
    Starve();
    dry = true;
  }
  std::unique_ptr<ReceiveContext> context = environment_->TakeContext();
  uint32_t messages = 0;
  DeliverRefused(context.get());
  while (handle_ != nullptr && !dry && (rounds-- > 0 || over_ || finish_due_)) {
    if (from == From::kLoop && !reading_) break;
    dry = !ReceiveRound(from, context.get(), &messages);
  }
  if (handle_ != nullptr) Deliver(from, context.get());
  context->entries.clear();
  context->notifications.clear();
  environment_->ReturnContext(std::move(context));
  receiving_ = false;
  if (handle_ == nullptr) return messages;
  if (dry && finish_due_) {
    // Nothing is left to read, and something told that this may be the end.
    finish_due_ = false;
    const int error = handle_->socket().TakeError();
    if (error != 0 && end_status_.ok()) end_status_ = {error, "recvmmsg", {}};
    over_ = over_ || error != 0 || !handle_->socket().HasAssociation();
  }
  if (dry && over_) {
    if (from == From::kLoop && told_) {
      // Ticks and promises of what was told come before the end, and after this turn.
      finish_due_ = true;
      handle_->Defer();
    } else {
      End(from);
    }
  } else if (up_ && !blocked_ && !queue_.empty()) {
    FlushQueue();
  }
  return messages;
}

bool Socket::ReceiveRound(From from, ReceiveContext* context, uint32_t* messages) {
  kernel::Status status;
  const int count = context->batch.Read(handle_->socket(), &status);
  if (count < 0) {
    // An error is told before what arrived ahead of it; one that stays is the end.
    const bool again = over_ && !end_status_.ok();
    over_ = true;
    if (end_status_.ok()) end_status_ = status;
    return !again;
  }
  if (count == 0) return false;
  for (int slot = 0; slot < count; slot++) {
    const kernel::Piece piece = context->batch.At(slot);
    if (handle_ == nullptr || at_eof_)
      continue;  // At() also makes the slot ready for the next round
    if (piece.data.length == 0) {
      over_ = at_eof_ = true;
      continue;
    }
    Accept(from, context, piece, messages);
  }
  if (at_eof_) return false;
  return count == kernel::ReceiveBatch::kSlots || over_ || finish_due_;
}

void Socket::Accept(From from, ReceiveContext* context, const kernel::Piece& piece,
                    uint32_t* messages) {
  if (piece.notification) {
    AcceptNotification(from, context, piece);
    return;
  }
  if (message_.skipping()) {
    if (piece.last) message_.EndSkip();
    return;
  }
  if (piece.last && !message_.active() && piece.data.length <= max_message_bytes_) {
    (*messages)++;
    AddMessage(from, context, piece.data, piece.info);
    return;
  }
  const size_t arrived = message_.bytes().length + piece.data.length;
  const auto result = message_.Add(piece.data, piece.info, max_message_bytes_);
  if (result == parse::Assembly::Result::kOversize) {
    if (piece.last) message_.EndSkip();
    Oversize(from, context, arrived);
  } else if (piece.last) {
    (*messages)++;
    AddMessage(from, context, message_.bytes(), message_.info());
    message_.Reset();
  }
}

void Socket::AcceptNotification(From from, ReceiveContext* context, const kernel::Piece& piece) {
  if (notification_.skipping()) {
    if (piece.last) notification_.EndSkip();
    return;
  }
  parse::Bytes whole = piece.data;
  if (!piece.last || notification_.active()) {
    const auto result = notification_.Add(piece.data, {}, kMaxNotificationBytes);
    if (result == parse::Assembly::Result::kOversize) {
      if (piece.last) notification_.EndSkip();
      AddNotification(from, context, parse::ParseNotification({}));
      return;
    }
    if (!piece.last) return;
    whole = notification_.bytes();
  }
  Notification notification = parse::ParseNotification(whole);
  notification_.Reset();
  if (parse::IsTerminal(notification)) over_ = true;
  if (notification.type == NotificationType::kPartialAborted) message_.Reset();
  if (notification.type == NotificationType::kAssociation) {
    const bool up = notification.association == AssociationChange::kUp;
    if (up) up_ = true;
    // What had arrived of a message before the association was lost or made anew stays a fragment.
    if (!up) message_.Reset();
    if (notification.association == AssociationChange::kShutdownComplete) orderly_ = true;
  }
  AddNotification(from, context, std::move(notification));
}

void Socket::AddNotification(From from, ReceiveContext* context, Notification notification) {
  if (context->entries.size() == ReceiveContext::kMaxEntries) Deliver(from, context);
  const auto index = static_cast<int32_t>(context->notifications.size());
  context->notifications.push_back(std::move(notification));
  context->entries.push_back({index, kNotificationLength, 0, 0, 0, 0, 0, 0});
}

void Socket::AddMessage(From from, ReceiveContext* context, parse::Bytes data,
                        const parse::ReceiveInfo& info) {
  const Napi::Env env = Env();
  if (context->entries.size() == ReceiveContext::kMaxEntries) Deliver(from, context);
  if (!context->start) context->start = environment_->slab_used();
  int64_t offset = environment_->Reserve(data.length);
  if (offset < 0) {
    Deliver(from, context);
    if (data.length > kOwnBufferBytes) {
      const Napi::HandleScope scope(env);
      napi_value own;
      void* memory = nullptr;
      if (handle_ == nullptr) return;
      if (napi_create_arraybuffer(env, data.length, &memory, &own) != napi_ok) {
        Starve();
        return;
      }
      std::memcpy(memory, data.data, data.length);
      context->entries.push_back(EntryOf(0, data.length, info));
      DeliverFrom(from, context, own);
      return;
    }
    if (!environment_->NewSlab(env)) {
      Starve();
      return;
    }
    context->start = environment_->slab_used();
    offset = environment_->Reserve(data.length);
  }
  std::memcpy(environment_->slab_data() + offset, data.data, data.length);
  context->entries.push_back(EntryOf(static_cast<size_t>(offset), data.length, info));
}

void Socket::Oversize(From from, ReceiveContext* context, size_t bytes) {
  Deliver(from, context);
  if (handle_ == nullptr) return;
  const Napi::HandleScope scope(Env());
  told_ = true;
  CallHandler(from, "onOversize", {Napi::Number::New(Env(), static_cast<double>(bytes))});
}

void Socket::Deliver(From from, ReceiveContext* context) {
  if (context->entries.empty()) return;
  const Napi::HandleScope scope(Env());
  DeliverFrom(from, context, environment_->slab());
}

void Socket::DeliverFrom(From from, ReceiveContext* context, napi_value slab) {
  const Napi::Env env = Env();
  Napi::Value notifications = env.Null();
  if (!context->notifications.empty()) {
    Napi::Array list = Napi::Array::New(env, context->notifications.size());
    for (uint32_t i = 0; i < context->notifications.size(); i++) {
      list.Set(i, FromNotification(env, context->notifications[i]));
    }
    notifications = list;
  }
  const std::vector<MetaEntry> outer = environment_->SavedMeta();
  const auto count = static_cast<double>(context->entries.size());
  const bool shown = environment_->ShowMeta(context->entries);
  const std::optional<size_t> start = std::exchange(context->start, {});
  const Environment::SlabPlace end = environment_->place();
  context->entries.clear();
  context->notifications.clear();
  told_ = true;
  if (handle_ != nullptr && shown &&
      CallHandler(from, "onReceive", {slab, Napi::Number::New(env, count), notifications}) &&
      start) {
    environment_->Rewind(*start, end);
  }
  // The handler may have transferred the slab's memory to another thread.
  if (!environment_->EnsureSlab(env)) Starve();
  // The handler that drained this socket is still reading its own entries.
  environment_->HideMeta();
  if (!outer.empty()) (void)environment_->ShowMeta(outer);
  if (!shown && handle_ != nullptr) {
    over_ = true;
    if (end_status_.ok()) end_status_ = {EFAULT, "meta", {}};
  }
}

void Socket::DeliverRefused(ReceiveContext* context) {
  while (!refused_.empty()) {
    AddNotification(From::kLoop, context, std::move(refused_.front()));
    refused_.pop_front();
  }
}

void Socket::Starve() {
  over_ = at_eof_ = true;
  if (end_status_.ok()) end_status_ = {ENOMEM, "recvmmsg", {}};
}

void Socket::End(From from) {
  ended_ = true;
  want_writable_ = false;
  UpdatePoll();
  const bool expected = at_eof_ || orderly_ || shutdown_done_;
  if (end_status_.ok() && !expected) {
    const int error = handle_->socket().TakeError();
    // The kernel may have told its error to a send already.
    end_status_ = {error != 0 ? error : ECONNRESET, "recvmmsg", {}};
  }
  const Napi::HandleScope scope(Env());
  const Napi::Value error = end_status_.ok() ? Env().Null() : ToError(Env(), end_status_);
  CallHandler(from, "onEnd", {error});
}

}  // namespace backplane::binding
