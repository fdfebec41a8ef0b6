#include "binding/socket.h"

#include "binding/convert.h"

namespace backplane::binding {

namespace {

// Rounds of one wake-up: more would keep other sockets of the loop waiting.
constexpr int kRoundsPerWakeUp = 4;
// Associations accepted in one wake-up, for the same reason.
constexpr int kAcceptsPerWakeUp = 64;
// Rounds that are read and thrown away on close: the kernel aborts an association with unread data.
constexpr int kDiscardRounds = 4;

constexpr const char* kHandlerNames[] = {"onReceive", "onEnd",         "onDrain",
                                         "onAccept",  "onAcceptError", "onOversize"};

void ReportException(Napi::Env env) {
  napi_value exception = nullptr;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &exception) != napi_ok) return;
  // Refused while the environment is being torn down, where nobody is left to hear of it.
  (void)napi_fatal_exception(env, exception);
}

}  // namespace

Napi::Function Socket::Define(Napi::Env env) {
  return DefineClass(env, "Socket",
                     {
                         InstanceMethod<&Socket::Attach>("attach"),
                         InstanceMethod<&Socket::SetLimits>("setLimits"),
                         InstanceMethod<&Socket::Bind>("bind"),
                         InstanceMethod<&Socket::AddAddresses>("addAddresses"),
                         InstanceMethod<&Socket::RemoveAddresses>("removeAddresses"),
                         InstanceMethod<&Socket::Listen>("listen"),
                         InstanceMethod<&Socket::Connect>("connect"),
                         InstanceMethod<&Socket::Resume>("resume"),
                         InstanceMethod<&Socket::Pause>("pause"),
                         InstanceMethod<&Socket::Drain>("drain"),
                         InstanceMethod<&Socket::Send>("send"),
                         InstanceMethod<&Socket::Flush>("flush"),
                         InstanceAccessor<&Socket::QueuedBytes>("queuedBytes"),
                         InstanceMethod<&Socket::Shutdown>("shutdown"),
                         InstanceMethod<&Socket::Abort>("abort"),
                         InstanceMethod<&Socket::Close>("close"),
                         InstanceMethod<&Socket::SetOption>("setOption"),
                         InstanceMethod<&Socket::GetOption>("getOption"),
                         InstanceMethod<&Socket::GetStatus>("status"),
                         InstanceMethod<&Socket::GetPathInfo>("pathInfo"),
                         InstanceMethod<&Socket::GetStatistics>("statistics"),
                         InstanceMethod<&Socket::LocalAddresses>("localAddresses"),
                         InstanceMethod<&Socket::PeerAddresses>("peerAddresses"),
                     });
}

Socket::Socket(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<Socket>(info),
      environment_(Environment::Of(info.Env())),
      queue_(environment_->chunks()) {
  std::optional<kernel::Socket> adopted = environment_->TakeAdopted();
  if (IsEmpty()) {
    // The worker was terminated after the call had begun, and Node no longer ties the object to
    // this. There is no exception then by which node-addon-api would know to delete it.
    if (!info.Env().IsExceptionPending()) environment_->Keep(std::unique_ptr<PollOwner>(this));
    return;
  }
  kernel::Socket socket;
  if (adopted) {
    socket = std::move(*adopted);
    up_ = true;
  } else {
    uint32_t family = 0;
    if (!info[0].IsNumber() ||
        (family = info[0].As<Napi::Number>().Uint32Value(), family != 4 && family != 6)) {
      ThrowType(info.Env(), "family must be 4 or 6");
      return;
    }
    const kernel::Status status = kernel::Socket::Open(family == 6, &socket);
    if (!status.ok()) {
      ThrowStatus(info.Env(), status);
      return;
    }
  }
  const int error = PollHandle::Create(environment_->loop(), std::move(socket), this, &handle_);
  if (error < 0) ThrowStatus(info.Env(), {-error, "uv_poll_init", {}});
}

Socket::~Socket() {
  if (handle_ != nullptr) handle_->Close();
  if (async_context_ != nullptr) napi_async_destroy(Env(), async_context_);
}

bool Socket::Open(Napi::Env env) const {
  if (handle_ != nullptr) return true;
  ThrowClosed(env);
  return false;
}

Napi::Value Socket::Attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!Open(env)) return {};
  if (!handlers_.IsEmpty()) {
    ThrowStatus(env, {EALREADY, "attach", {}});
    return {};
  }
  if (!info[0].IsObject()) {
    ThrowType(env, "handlers must be an object");
    return {};
  }
  const Napi::Object handlers = info[0].As<Napi::Object>();
  for (const char* name : kHandlerNames) {
    const Napi::Value handler = handlers.Get(name);
    if (env.IsExceptionPending()) return {};
    if (!handler.IsFunction()) {
      ThrowType(env, std::string("handlers.") + name + " must be a function");
      return {};
    }
  }
  const Napi::String name = Napi::String::New(env, "BACKPLANE_SOCKET");
  if (napi_async_init(env, Value(), name, &async_context_) != napi_ok) return {};
  handlers_ = Napi::Persistent(handlers);
  Ref();
  return {};
}

Napi::Value Socket::SetLimits(const Napi::CallbackInfo& info) {
  uint32_t max_message_bytes = 0;
  uint32_t low_water_bytes = 0;
  if (!Open(info.Env()) ||
      !ToInteger(info.Env(), info[0], "maxMessageBytes", INT32_MAX, &max_message_bytes) ||
      !ToInteger(info.Env(), info[1], "lowWaterBytes", UINT32_MAX, &low_water_bytes)) {
    return {};
  }
  max_message_bytes_ = max_message_bytes;
  low_water_bytes_ = low_water_bytes;
  return {};
}

Napi::Value Socket::Resume(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  if (handlers_.IsEmpty()) {
    ThrowStatus(info.Env(), {EINVAL, "resume", {}});
    return {};
  }
  reading_ = true;
  if (finish_due_) handle_->Defer();
  UpdatePoll();
  return {};
}

Napi::Value Socket::Pause(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  reading_ = false;
  UpdatePoll();
  return {};
}

Napi::Value Socket::Abort(const Napi::CallbackInfo&) {
  if (handle_ == nullptr) return {};
  handle_->socket().AbortOnClose();
  CloseHandle();
  return {};
}

Napi::Value Socket::Close(const Napi::CallbackInfo&) {
  if (handle_ == nullptr) return {};
  if (up_ && !ended_ && !listening_) {
    std::unique_ptr<ReceiveContext> context = environment_->TakeContext();
    kernel::Status status;
    for (int round = 0; round < kDiscardRounds; round++) {
      if (context->batch.Read(handle_->socket(), &status) < kernel::ReceiveBatch::kSlots) break;
    }
    environment_->ReturnContext(std::move(context));
  }
  CloseHandle();
  return {};
}

void Socket::CloseHandle() {
  std::exchange(handle_, nullptr)->Close();
  reading_ = false;
  queue_.Clear();
  message_.Reset();
  notification_.Reset();
  refused_.clear();
  // A handler that is running still needs its async context.
  if (calls_ == 0) ReleaseHandlers();
}

void Socket::ReleaseHandlers() {
  if (handlers_.IsEmpty()) return;
  handlers_.Reset();
  napi_async_destroy(Env(), std::exchange(async_context_, nullptr));
  Unref();
}

void Socket::OnEnvironmentEnd() {
  handle_ = nullptr;
  reading_ = false;
}

void Socket::UpdatePoll() {
  if (handle_ == nullptr) return;
  int events = 0;
  if (reading_ && !ended_) events |= UV_READABLE;
  if (want_writable_ && !ended_) events |= UV_WRITABLE;
  handle_->Poll(events);
}

bool Socket::CallHandler(From from, const char* name, std::initializer_list<napi_value> arguments) {
  if (handlers_.IsEmpty()) return false;
  const Napi::Env env = Env();
  const Napi::Object handlers = handlers_.Value();
  const Napi::Value handler = handlers.Get(name);
  napi_value result = nullptr;
  calls_++;
  // make_callback runs the ticks and promises afterwards; inside `drain` the caller's turn goes on.
  const napi_status status = from == From::kLoop
                                 ? napi_make_callback(env, async_context_, handlers, handler,
                                                      arguments.size(), arguments.begin(), &result)
                                 : napi_call_function(env, handlers, handler, arguments.size(),
                                                      arguments.begin(), &result);
  calls_--;
  bool is_true = false;
  if (status != napi_ok) {
    ReportException(env);
  } else if (napi_get_value_bool(env, result, &is_true) != napi_ok) {
    is_true = false;
  }
  if (handle_ == nullptr && calls_ == 0) ReleaseHandlers();
  return is_true;
}

void Socket::OnPoll(int status, int events) {
  const Napi::HandleScope scope(Env());
  [[maybe_unused]] const Napi::Object self =
      Value();  // a handler may close the socket, and so let go of its object
  if (status < 0) {
    handle_->Stopped();
    finish_due_ = true;
    OnDeferred();
    return;
  }
  if ((events & UV_READABLE) != 0 && reading_) {
    if (listening_) {
      AcceptAll();
    } else {
      Receive(From::kLoop, kRoundsPerWakeUp);
    }
  }
  if (handle_ == nullptr || (events & UV_WRITABLE) == 0) return;
  up_ = true;
  FlushQueue();
  if (TakeDrained()) CallHandler(From::kLoop, "onDrain", {});
}

void Socket::OnDeferred() {
  const Napi::HandleScope scope(Env());
  [[maybe_unused]] const Napi::Object self = Value();
  if (drained_due_ && TakeDrained()) CallHandler(From::kLoop, "onDrain", {});
  if (handle_ == nullptr || !reading_ || listening_) return;
  if (finish_due_ || !refused_.empty()) Receive(From::kLoop, kRoundsPerWakeUp);
  UpdatePoll();
}

void Socket::AcceptAll() {
  const Napi::Env env = Env();
  for (int i = 0; i < kAcceptsPerWakeUp && handle_ != nullptr && reading_; i++) {
    const Napi::HandleScope scope(env);
    kernel::Socket accepted;
    kernel::Status status = handle_->socket().Accept(&accepted);
    if (status.error == EAGAIN || status.error == EWOULDBLOCK) return;
    // The peer gave up before we came, or a signal did.
    if (status.error == ECONNABORTED || status.error == EINTR) continue;
    if (!status.ok()) {
      reading_ = false;
      UpdatePoll();
      CallHandler(From::kLoop, "onAcceptError", {ToError(env, status)});
      return;
    }
    const Napi::Value socket = environment_->Wrap(std::move(accepted));
    if (socket.IsEmpty() || env.IsExceptionPending()) {
      ReportException(env);
      continue;
    }
    CallHandler(From::kLoop, "onAccept", {socket});
  }
}

}  // namespace backplane::binding
