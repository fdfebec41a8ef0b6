#include "binding/environment.h"

#include <cstring>

namespace backplane::binding {

namespace {
constexpr size_t kPayloadAlignment = 8;
}

std::unique_ptr<Environment> Environment::Create(Napi::Env env) {
  std::shared_ptr<LoopState> loop = LoopState::Create(env);
  if (loop == nullptr) {
    Napi::Error::New(env, "the event loop of this environment is not usable")
        .ThrowAsJavaScriptException();
    return nullptr;
  }
  std::unique_ptr<Environment> self(new Environment(std::move(loop)));
  const size_t length = ReceiveContext::kMaxEntries * kMetaStride;
  self->meta_ = Napi::Persistent(Napi::Int32Array::New(env, length).As<Napi::Object>());
  if (env.IsExceptionPending()) return nullptr;
  self->cipher_.reset(EVP_CIPHER_CTX_new());
  if (self->cipher_ == nullptr || EVP_CipherInit_ex(self->cipher_.get(), EVP_aes_256_gcm(), nullptr,
                                                    nullptr, nullptr, 1) != 1) {
    Napi::Error::New(env, "OpenSSL has no AES-256-GCM").ThrowAsJavaScriptException();
    return nullptr;
  }
  return self;
}

Napi::Value Environment::Wrap(kernel::Socket socket) {
  adopted_ = std::move(socket);
  Napi::Value object = constructor_.New({});
  adopted_.reset();
  return object;
}

std::optional<kernel::Socket> Environment::TakeAdopted() { return std::exchange(adopted_, {}); }

std::unique_ptr<ReceiveContext> Environment::TakeContext() {
  if (context_ == nullptr) return std::make_unique<ReceiveContext>();
  return std::move(context_);
}

void Environment::ReturnContext(std::unique_ptr<ReceiveContext> context) {
  context_ = std::move(context);
}

int64_t Environment::Reserve(size_t length) {
  if (length > kSlabBytes - slab_used_) return -1;
  const size_t offset = slab_used_;
  const size_t end = offset + length + kPayloadAlignment - 1;
  slab_used_ = std::min(end & ~(kPayloadAlignment - 1), kSlabBytes);
  return static_cast<int64_t>(offset);
}

void Environment::Rewind(size_t start, SlabPlace end) {
  if (slab_data_ == end.data && slab_used_ == end.used) slab_used_ = start;
}

bool Environment::NewSlab(Napi::Env env) {
  napi_value buffer;
  if (!pool_->Take(env, &buffer, &slab_data_)) return false;
  slab_ = Napi::Persistent(Napi::ArrayBuffer(env, buffer));
  slab_used_ = 0;
  return true;
}

bool Environment::EnsureSlab(Napi::Env env) {
  if (slab_.IsEmpty()) return NewSlab(env);
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, slab_.Value(), &detached) != napi_ok) return false;
  return !detached || NewSlab(env);
}

bool Environment::ShowMeta(const std::vector<MetaEntry>& entries) {
  // Asked anew each time: the array's memory moves away when a program transfers its buffer.
  void* data = nullptr;
  size_t length = 0;
  const napi_status status = napi_get_typedarray_info(meta_.Env(), meta_.Value(), nullptr, &length,
                                                      &data, nullptr, nullptr);
  if (status != napi_ok || length < entries.size() * kMetaStride) return false;
  if (!entries.empty()) std::memcpy(data, entries.data(), entries.size() * sizeof(MetaEntry));
  shown_ = entries;
  return true;
}

}  // namespace backplane::binding
