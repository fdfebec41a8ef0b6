// The Node-API face of the lab's helpers; src/lab/native.ts is its contract.
#include <napi.h>
#include <time.h>
#include <uv.h>

#include <string>
#include <utility>
#include <vector>

#include "lab/arguments.h"
#include "lab/namespace.h"
#include "lab/requests.h"

namespace backplane::lab {
namespace {

constexpr int kContract = 1;

// The clock of process.hrtime, in milliseconds.
double NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct EnvironmentState {
  Napi::FunctionReference namespace_class;
};

class NamespaceObject : public Napi::ObjectWrap<NamespaceObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Namespace",
                       {InstanceMethod<&NamespaceObject::Enter>("enter"),
                        InstanceMethod<&NamespaceObject::WriteSysctls>("writeSysctls"),
                        InstanceMethod<&NamespaceObject::Link>("link"),
                        InstanceMethod<&NamespaceObject::Close>("close")});
  }

  // The namespace behind a JavaScript value, or null with an exception pending.
  static const Namespace* From(Arguments& arguments, const char* name) {
    const Napi::Value value = arguments.Next();
    if (!arguments.ok()) return nullptr;
    const Napi::Env env = value.Env();
    auto* state = env.GetInstanceData<EnvironmentState>();
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(state->namespace_class.Value())) {
      arguments.Reject(name, "a Namespace");
      return nullptr;
    }
    auto* object = Unwrap(value.As<Napi::Object>());
    if (object->space_.fd >= 0) return &object->space_;
    ThrowClosed(env);
    return nullptr;
  }

  explicit NamespaceObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<NamespaceObject>(info) {
    if (const Failure failure = Create(&space_)) Throw(info.Env(), failure);
  }
  ~NamespaceObject() override { lab::Close(&space_); }
  NamespaceObject(const NamespaceObject&) = delete;
  NamespaceObject& operator=(const NamespaceObject&) = delete;

 private:
  bool Open(Napi::Env env) const {
    if (space_.fd < 0) ThrowClosed(env);
    return space_.fd >= 0;
  }

  Napi::Value Enter(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const Napi::Function work = arguments.Callback("work");
    if (!arguments.ok() || !Open(info.Env())) return {};
    int previous = -1;
    if (const Failure failure = lab::Enter(space_.fd, &previous)) {
      Throw(info.Env(), failure);
      return {};
    }
    const Napi::Value result = work.Call({});
    if (lab::Leave(previous)) {
      Napi::Error::Fatal("Namespace.enter", "the way back to the own namespace is lost");
    }
    return result;
  }

  void WriteSysctls(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const Napi::Value list = arguments.Next();
    if (!list.IsArray()) arguments.Reject("values", "an array of [name, value]");
    if (!arguments.ok() || !Open(info.Env())) return;
    std::vector<std::pair<std::string, std::string>> values;
    const auto array = list.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
      const Napi::Value entry = array[i];
      if (!entry.IsArray()) return arguments.Reject("values", "an array of [name, value]");
      const auto pair = entry.As<Napi::Array>();
      values.emplace_back(pair.Get(0U).ToString(), pair.Get(1U).ToString());
    }
    std::string failed;
    const Failure failure = lab::WriteSysctls(space_, values, &failed);
    if (failure) Throw(info.Env(), failure, failed);
  }

  Napi::Value Link(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    if (!arguments.ok() || !Open(env)) return {};
    Requests requests;
    GetLink(requests, index);
    std::vector<uint8_t> answer;
    LinkState state;
    Failure failure = Send(space_.socket, requests, &answer);
    if (!failure && !ParseLink(answer, &state)) failure = {"rtnetlink", EPROTO};
    if (failure) {
      Throw(env, failure);
      return {};
    }
    Napi::Object link = Napi::Object::New(env);
    link.Set("up", state.up);
    link.Set("carrier", state.carrier);
    link.Set("operState", state.oper_state);
    link.Set("portState", state.port_state);
    link.Set("receivedFrames", static_cast<double>(state.received_frames));
    link.Set("sentFrames", static_cast<double>(state.sent_frames));
    link.Set("receivedBytes", static_cast<double>(state.received_bytes));
    link.Set("sentBytes", static_cast<double>(state.sent_bytes));
    return link;
  }

  void Close(const Napi::CallbackInfo&) { lab::Close(&space_); }

  Namespace space_;
};

class RequestsObject : public Napi::ObjectWrap<RequestsObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Requests",
                       {InstanceMethod<&RequestsObject::Veth>("addVeth"),
                        InstanceMethod<&RequestsObject::Bridge>("addBridge"),
                        InstanceMethod<&RequestsObject::Link>("setLink"),
                        InstanceMethod<&RequestsObject::Master>("setMaster"),
                        InstanceMethod<&RequestsObject::Address>("addAddress"),
                        InstanceMethod<&RequestsObject::Impair>("setImpairment"),
                        InstanceMethod<&RequestsObject::Repair>("clearImpairment"),
                        InstanceMethod<&RequestsObject::SendAll>("send")});
  }

  explicit RequestsObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<RequestsObject>(info) {}

 private:
  Napi::Value Veth(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const std::string name = arguments.Text("name");
    const Namespace* space = NamespaceObject::From(arguments, "namespace");
    if (space == nullptr) return {};
    const int peer_index = arguments.Integer("peerIndex");
    const std::string peer_name = arguments.Text("peerName");
    const Namespace* peer_space = NamespaceObject::From(arguments, "peerNamespace");
    if (peer_space == nullptr) return {};
    AddVeth(requests_, {index, name, space->fd}, {peer_index, peer_name, peer_space->fd});
    return info.This();
  }

  Napi::Value Bridge(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const std::string name = arguments.Text("name");
    if (arguments.ok()) AddBridge(requests_, index, name);
    return info.This();
  }

  Napi::Value Link(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const bool up = arguments.Boolean("up");
    if (arguments.ok()) SetLink(requests_, index, up);
    return info.This();
  }

  Napi::Value Master(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const int master = arguments.Integer("master");
    if (arguments.ok()) SetMaster(requests_, index, master);
    return info.This();
  }

  Napi::Value Address(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const std::vector<uint8_t> address = arguments.Bytes("address");
    const int prefix_bits = arguments.Integer("prefixBits");
    if (arguments.ok() && address.size() != 4 && address.size() != 16) {
      arguments.Reject("address", "of 4 or 16 bytes");
    }
    if (arguments.ok() && static_cast<size_t>(prefix_bits) > address.size() * 8) {
      arguments.Reject("prefixBits", "no longer than the address");
    }
    if (arguments.ok()) {
      AddAddress(requests_, index, address, static_cast<uint8_t>(prefix_bits));
    }
    return info.This();
  }

  Napi::Value Impair(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    const double loss_share = arguments.Number("lossShare");
    const double delay_ms = arguments.Number("delayMs");
    const double jitter_ms = arguments.Number("jitterMs");
    if (arguments.ok() && loss_share > 1) arguments.Reject("lossShare", "at most 1");
    if (arguments.ok()) {
      SetImpairment(requests_, index,
                    {loss_share, static_cast<int64_t>(delay_ms * 1e6),
                     static_cast<int64_t>(jitter_ms * 1e6)});
    }
    return info.This();
  }

  Napi::Value Repair(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int index = arguments.Integer("index");
    if (arguments.ok()) ClearImpairment(requests_, index);
    return info.This();
  }

  Napi::Value SendAll(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const Namespace* space = NamespaceObject::From(arguments, "namespace");
    if (space == nullptr) return {};
    const double now_ms = NowMs();
    const Failure failure = Send(space->socket, requests_);
    if (failure) {
      Throw(info.Env(), failure);
      return {};
    }
    return Napi::Number::New(info.Env(), now_ms);
  }

  Requests requests_;
};

// Null where `error` is 0, else its name.
Napi::Value NameOf(Napi::Env env, int error) {
  if (error == 0) return env.Null();
  return Napi::String::New(env, uv_err_name(uv_translate_sys_error(error)));
}

Napi::Value Probe(const Napi::CallbackInfo& info) {
  Napi::Object support = Napi::Object::New(info.Env());
  support.Set("sctp", NameOf(info.Env(), ProbeSctp()));
  support.Set("namespaces", NameOf(info.Env(), ProbeNamespaces()));
  return support;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  const Napi::Function namespace_class = NamespaceObject::Define(env);
  auto* state = new EnvironmentState{Napi::Persistent(namespace_class)};
  env.SetInstanceData(state);
  exports.Set("contract", kContract);
  exports.Set("Namespace", namespace_class);
  exports.Set("Requests", RequestsObject::Define(env));
  exports.Set("probe", Napi::Function::New(env, Probe, "probe"));
  return exports;
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)

}  // namespace
}  // namespace backplane::lab
