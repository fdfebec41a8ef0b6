#include "lab/arguments.h"

#include <uv.h>

namespace backplane::lab {

void Arguments::Reject(const char* name, const char* type) {
  if (ok_) {
    Napi::TypeError::New(info_.Env(), std::string(name) + " must be " + type)
        .ThrowAsJavaScriptException();
  }
  ok_ = false;
}

int Arguments::Integer(const char* name) {
  const Napi::Value value = Next();
  if (!ok_) return 0;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number >= 0 && number <= INT32_MAX && number == static_cast<int>(number)) {
    return static_cast<int>(number);
  }
  Reject(name, "an integer from 0 to 2147483647");
  return 0;
}

double Arguments::Number(const char* name) {
  const Napi::Value value = Next();
  if (!ok_) return 0;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number >= 0 && number <= INT32_MAX) return number;
  Reject(name, "a number that is not negative");
  return 0;
}

bool Arguments::Boolean(const char* name) {
  const Napi::Value value = Next();
  if (ok_ && value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  Reject(name, "a boolean");
  return false;
}

std::string Arguments::Text(const char* name) {
  const Napi::Value value = Next();
  if (ok_ && value.IsString()) return value.As<Napi::String>().Utf8Value();
  Reject(name, "a string");
  return "";
}

std::vector<uint8_t> Arguments::Bytes(const char* name) {
  const Napi::Value value = Next();
  if (ok_ && value.IsTypedArray()) {
    const auto array = value.As<Napi::TypedArray>();
    if (array.TypedArrayType() == napi_uint8_array) {
      const auto bytes = value.As<Napi::Uint8Array>();
      return {bytes.Data(), bytes.Data() + bytes.ByteLength()};
    }
  }
  Reject(name, "a Uint8Array");
  return {};
}

Napi::Function Arguments::Callback(const char* name) {
  const Napi::Value value = Next();
  if (ok_ && value.IsFunction()) return value.As<Napi::Function>();
  Reject(name, "a function");
  return {};
}

void Throw(Napi::Env env, const Failure& failure, const std::string& about) {
  const int number = uv_translate_sys_error(failure.error);
  const std::string code = uv_err_name(number);
  std::string message = code + ": " + uv_strerror(number) + ", " + failure.syscall;
  if (!about.empty()) message += " " + about;
  const Napi::Error error = Napi::Error::New(env, message);
  Napi::Object object = error.Value();
  object.Set("code", code);
  object.Set("errno", number);
  object.Set("syscall", failure.syscall);
  if (!about.empty()) object.Set("address", about);
  error.ThrowAsJavaScriptException();
}

void ThrowClosed(Napi::Env env) {
  const Napi::Error error = Napi::Error::New(env, "the namespace is closed");
  error.Value().Set("code", "ERR_CLOSED");
  error.ThrowAsJavaScriptException();
}

}  // namespace backplane::lab
