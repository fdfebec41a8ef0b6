// Addresses, options and state: each method is one step of the kernel's face.
#include "binding/convert.h"
#include "binding/socket.h"

namespace backplane::binding {

namespace {

constexpr double kMaxPort = 65535;

double MaxOf(kernel::OptionField::Kind kind) {
  return kind == kernel::OptionField::Kind::kUint16 ? 65535.0 : 4294967295.0;
}

// One field of an option, given as a JavaScript value.
bool ToField(Napi::Env env, const kernel::OptionField& field, const Napi::Value& given,
             kernel::OptionValue* value) {
  const std::string name = field.name == nullptr ? "value" : field.name;
  if (given.IsUndefined() && field.optional) return true;
  value->present = true;
  switch (field.kind) {
    case kernel::OptionField::Kind::kAddress:
      return ToAddress(env, given, &value->address);
    case kernel::OptionField::Kind::kBoolean:
      if (!given.IsBoolean()) {
        ThrowType(env, name + " must be a boolean");
        return false;
      }
      value->number = given.As<Napi::Boolean>().Value() ? 1 : 0;
      return true;
    default:
      return ToInteger(env, given, name.c_str(), MaxOf(field.kind), &value->number);
  }
}

bool ToValues(Napi::Env env, const kernel::Option& option, const Napi::Value& given,
              kernel::OptionValues* values) {
  if (option.bare()) return ToField(env, option.fields[0], given, &(*values)[0]);
  if (!given.IsObject()) {
    ThrowType(env, std::string("option ") + option.name + " takes an object");
    return false;
  }
  const Napi::Object object = given.As<Napi::Object>();
  for (size_t i = 0; i < option.field_count; i++) {
    const Napi::Value field = object.Get(option.fields[i].name);
    if (env.IsExceptionPending()) return false;
    if (!ToField(env, option.fields[i], field, &(*values)[i])) return false;
  }
  return true;
}

Napi::Value FromField(Napi::Env env, const kernel::OptionField& field,
                      const kernel::OptionValue& value) {
  switch (field.kind) {
    case kernel::OptionField::Kind::kAddress:
      return Napi::String::New(env, value.address.ToText());
    case kernel::OptionField::Kind::kBoolean:
      return Napi::Boolean::New(env, value.number != 0);
    default:
      return Napi::Number::New(env, value.number);
  }
}

Napi::Value FromValues(Napi::Env env, const kernel::Option& option,
                       const kernel::OptionValues& values) {
  if (option.bare()) return FromField(env, option.fields[0], values[0]);
  Napi::Object object = Napi::Object::New(env);
  for (size_t i = 0; i < option.field_count; i++) {
    if (!values[i].present) continue;
    object.Set(option.fields[i].name, FromField(env, option.fields[i], values[i]));
  }
  return object;
}

// Null with a TypeError pending when there is no such option, or it cannot be read.
const kernel::Option* ToOption(Napi::Env env, const Napi::Value& name, bool for_reading) {
  if (!name.IsString()) {
    ThrowType(env, "the name of an option must be a string");
    return nullptr;
  }
  const std::string text = name.As<Napi::String>().Utf8Value();
  const kernel::Option* option = kernel::FindOption(text);
  if (option == nullptr || (for_reading && option->get == nullptr)) {
    ThrowType(env, "option " + text + (option == nullptr ? " is unknown" : " is write only"));
    return nullptr;
  }
  return option;
}

Napi::Value Done(Napi::Env env, const kernel::Status& status) {
  if (!status.ok()) ThrowStatus(env, status);
  return {};
}

}  // namespace

Napi::Value Socket::Bind(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint32_t port = 0;
  std::vector<parse::Address> addresses;
  if (!Open(env) || !ToInteger(env, info[1], "port", kMaxPort, &port) ||
      !ToAddresses(env, info[0], static_cast<uint16_t>(port), &addresses)) {
    return {};
  }
  return Done(env, handle_->socket().Bind(addresses));
}

Napi::Value Socket::AddAddresses(const Napi::CallbackInfo& info) {
  std::vector<parse::Address> addresses;
  if (!Open(info.Env()) || !ToAddresses(info.Env(), info[0], 0, &addresses)) return {};
  return Done(info.Env(), handle_->socket().AddAddresses(addresses));
}

Napi::Value Socket::RemoveAddresses(const Napi::CallbackInfo& info) {
  std::vector<parse::Address> addresses;
  if (!Open(info.Env()) || !ToAddresses(info.Env(), info[0], 0, &addresses)) return {};
  return Done(info.Env(), handle_->socket().RemoveAddresses(addresses));
}

Napi::Value Socket::Listen(const Napi::CallbackInfo& info) {
  uint32_t backlog = 0;
  if (!Open(info.Env()) || !ToInteger(info.Env(), info[0], "backlog", INT32_MAX, &backlog)) {
    return {};
  }
  const kernel::Status status = handle_->socket().Listen(static_cast<int>(backlog));
  if (status.ok()) listening_ = true;
  return Done(info.Env(), status);
}

Napi::Value Socket::Connect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint32_t port = 0;
  std::vector<parse::Address> addresses;
  if (!Open(env) || !ToInteger(env, info[1], "port", kMaxPort, &port) ||
      !ToAddresses(env, info[0], static_cast<uint16_t>(port), &addresses)) {
    return {};
  }
  const kernel::Status status = handle_->socket().Connect(addresses);
  if (status.ok()) connecting_ = true;
  if (status.ok() && !queue_.empty()) FlushQueue();
  return Done(env, status);
}

Napi::Value Socket::SetOption(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!Open(env)) return {};
  const kernel::Option* option = ToOption(env, info[0], false);
  kernel::OptionValues values;
  if (option == nullptr || !ToValues(env, *option, info[1], &values)) return {};
  // A getter of the value may have closed the socket.
  if (!Open(env)) return {};
  send_buffer_bytes_ = 0;  // asked anew at the next send
  return Done(env, option->set(handle_->socket(), values));
}

Napi::Value Socket::GetOption(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!Open(env)) return {};
  const kernel::Option* option = ToOption(env, info[0], true);
  if (option == nullptr) return {};
  kernel::OptionValues values;
  if (!info[1].IsUndefined()) {
    values[0].present = true;
    if (!ToAddress(env, info[1], &values[0].address)) return {};
  }
  const kernel::Status status = option->get(handle_->socket(), &values);
  if (!status.ok()) return Done(env, status);
  return FromValues(env, *option, values);
}

Napi::Value Socket::GetStatus(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  kernel::AssociationStatus association;
  const kernel::Status status = handle_->socket().GetStatus(&association);
  if (!status.ok()) return Done(info.Env(), status);
  return FromStatus(info.Env(), association);
}

Napi::Value Socket::GetPathInfo(const Napi::CallbackInfo& info) {
  parse::Address address;
  if (!Open(info.Env()) || !ToAddress(info.Env(), info[0], &address)) return {};
  kernel::PathInfo path;
  const kernel::Status status = handle_->socket().GetPathInfo(address, &path);
  if (!status.ok()) return Done(info.Env(), status);
  return FromPathInfo(info.Env(), path);
}

Napi::Value Socket::GetStatistics(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  kernel::AssociationStatistics statistics;
  const kernel::Status status = handle_->socket().GetStatistics(&statistics);
  if (!status.ok()) return Done(info.Env(), status);
  return FromStatistics(info.Env(), statistics);
}

Napi::Value Socket::LocalAddresses(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  std::vector<parse::Address> addresses;
  const kernel::Status status = handle_->socket().LocalAddresses(&addresses);
  if (!status.ok()) return Done(info.Env(), status);
  return FromAddresses(info.Env(), addresses);
}

Napi::Value Socket::PeerAddresses(const Napi::CallbackInfo& info) {
  if (!Open(info.Env())) return {};
  std::vector<parse::Address> addresses;
  const kernel::Status status = handle_->socket().PeerAddresses(&addresses);
  if (!status.ok()) return Done(info.Env(), status);
  return FromAddresses(info.Env(), addresses);
}

}  // namespace backplane::binding
