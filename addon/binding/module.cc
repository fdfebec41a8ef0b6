// The module object: see src/sctp/native.ts for its contract.
#include <sys/socket.h>

#include "binding/aead.h"
#include "binding/convert.h"
#include "binding/environment.h"
#include "binding/socket.h"

namespace backplane::binding {

namespace {

constexpr int kContract = 3;

Napi::Value Probe(const Napi::CallbackInfo& info) {
  kernel::Socket socket;
  const kernel::Status status = kernel::Socket::Open(false, &socket);
  return status.ok() ? info.Env().Null() : ToError(info.Env(), status);
}

// For tests only: two connected sockets that keep message boundaries, so that lifecycle and
// sanitizer tests run where the kernel has no SCTP. No descriptor passes through JavaScript, where
// a worker that is terminated would leave it open.
Napi::Value OpenPair(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int fds[2];
  const int result = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
  if (result < 0) {
    ThrowStatus(env, kernel::Status::Of(result, "socketpair"));
    return {};
  }
  kernel::Descriptor ends[] = {kernel::Descriptor(fds[0]), kernel::Descriptor(fds[1])};
  Napi::Array pair = Napi::Array::New(env, 2);
  for (uint32_t i = 0; i < 2; i++) {
    kernel::Socket end(std::move(ends[i]), kernel::Socket::Kind::kStandIn);
    const Napi::Value socket = Environment::Of(env)->Wrap(std::move(end));
    if (socket.IsEmpty()) return {};
    pair.Set(i, socket);
  }
  return pair;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  std::unique_ptr<Environment> created = Environment::Create(env);
  if (created == nullptr) return exports;
  Environment* environment = created.release();
  env.SetInstanceData(environment);
  const Napi::Function constructor = Socket::Define(env);
  environment->SetConstructor(constructor);
  exports.Set("engine", "kernel");
  exports.Set("contract", kContract);
  exports.Set("meta", environment->meta());
  exports.Set("Socket", constructor);
  exports.Set("probe", Napi::Function::New<Probe>(env, "probe"));
  exports.Set("sealAes256Gcm", Napi::Function::New<SealAes256Gcm>(env, "sealAes256Gcm"));
  exports.Set("openAes256Gcm", Napi::Function::New<OpenAes256Gcm>(env, "openAes256Gcm"));
  exports.Set("_openPair", Napi::Function::New<OpenPair>(env, "_openPair"));
  return exports;
}

}  // namespace

NODE_API_MODULE(backplane, Init)

}  // namespace backplane::binding
