#include "binding/aead.h"

#include <openssl/evp.h>

#include "binding/convert.h"
#include "binding/environment.h"

namespace backplane::binding {

namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr int kTagBytes = 16;
// More than any frame has, and less than EVP's int.
constexpr size_t kMostBytes = size_t{1} << 30;

struct Bytes {
  bool valid = false;
  uint8_t* data = nullptr;
  size_t length = 0;
};

// The memory of a Uint8Array; not valid for anything else.
Bytes BytesOf(Napi::Env env, napi_value value) {
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return {};
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    return {};
  }
  return {true, static_cast<uint8_t*>(data), length};
}

struct Arguments {
  Bytes key;
  Bytes nonce;
  Bytes frame;
};

// The first three; a TypeError is pending when they are not what they must be.
bool Read(const Napi::CallbackInfo& info, Arguments* arguments) {
  const Napi::Env env = info.Env();
  *arguments = {BytesOf(env, info[0]), BytesOf(env, info[1]), BytesOf(env, info[2])};
  const auto& [key, nonce, frame] = *arguments;
  if (key.length == kKeyBytes && nonce.length == kNonceBytes && frame.valid &&
      frame.length <= kMostBytes) {
    return true;
  }
  ThrowType(env, "key, nonce and frame must be Uint8Arrays, of 32, 12 and some bytes");
  return false;
}

// Encrypts or decrypts frame[start, end) where it stands; frame[0, start) goes into the tag.
bool Run(EVP_CIPHER_CTX* context, bool seal, const Arguments& arguments, size_t start, size_t end) {
  uint8_t* data = arguments.frame.data;
  const int size = static_cast<int>(end - start);
  int written = 0;
  // The context has its cipher: naming it again would look it up again.
  if (EVP_CipherInit_ex(context, nullptr, nullptr, arguments.key.data, arguments.nonce.data,
                        seal ? 1 : 0) != 1) {
    return false;
  }
  if (!seal && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, data + end) != 1) {
    return false;
  }
  if (EVP_CipherUpdate(context, nullptr, &written, data, static_cast<int>(start)) != 1 ||
      EVP_CipherUpdate(context, data + start, &written, data + start, size) != 1 ||
      EVP_CipherFinal_ex(context, data + end, &written) != 1) {
    return false;
  }
  return !seal || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, data + end) == 1;
}

}  // namespace

Napi::Value SealAes256Gcm(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments;
  if (!Read(info, &arguments)) return {};
  uint32_t start = 0;
  uint32_t end = 0;
  if (!ToInteger(env, info[3], "start", kMostBytes, &start) ||
      !ToInteger(env, info[4], "end", kMostBytes, &end)) {
    return {};
  }
  if (start > end || end + size_t{kTagBytes} > arguments.frame.length) {
    ThrowType(env, "0 <= start <= end must hold, and a tag must fit behind end");
    return {};
  }
  if (!Run(Environment::Of(env)->cipher(), true, arguments, start, end)) {
    Napi::Error::New(env, "OpenSSL does not encrypt").ThrowAsJavaScriptException();
  }
  return {};
}

Napi::Value OpenAes256Gcm(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments;
  if (!Read(info, &arguments)) return {};
  uint32_t start = 0;
  if (!ToInteger(env, info[3], "start", kMostBytes, &start)) return {};
  const size_t length = arguments.frame.length;
  if (length < size_t{start} + kTagBytes) return Napi::Boolean::New(env, false);
  EVP_CIPHER_CTX* cipher = Environment::Of(env)->cipher();
  return Napi::Boolean::New(env, Run(cipher, false, arguments, start, length - kTagBytes));
}

}  // namespace backplane::binding
