#include "binding/convert.h"

#include <uv.h>

#include <cmath>
#include <cstring>

namespace backplane::binding {

namespace {

constexpr uint32_t kMaxAddresses = 64;

std::string ErrnoName(int error) {
  char name[64];
  return uv_err_name_r(-error, name, sizeof name);
}

}  // namespace

Napi::Value ToError(Napi::Env env, const kernel::Status& status) {
  const std::string code = ErrnoName(status.error);
  std::string message = std::string(status.syscall) + " " + code + ": ";
  char text[128];
  message += uv_strerror_r(-status.error, text, sizeof text);
  if (!status.address.empty()) message += " " + status.address;
  Napi::Object error = Napi::Error::New(env, message).Value();
  error.Set("code", code);
  error.Set("errno", -status.error);
  error.Set("syscall", status.syscall);
  if (!status.address.empty()) error.Set("address", status.address);
  return error;
}

void ThrowStatus(Napi::Env env, const kernel::Status& status) {
  napi_throw(env, ToError(env, status));
}

void ThrowClosed(Napi::Env env) { napi_throw_error(env, "ERR_CLOSED", "the socket was closed"); }

void ThrowType(Napi::Env env, const std::string& message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message.c_str());
}

bool ToInteger(Napi::Env env, napi_value value, const char* name, double max, uint32_t* number) {
  double given = -1;
  if (napi_get_value_double(env, value, &given) != napi_ok || !(given >= 0 && given <= max) ||
      given != std::floor(given)) {
    ThrowType(env, std::string(name) + " must be an integer from 0 to " +
                       std::to_string(static_cast<uint64_t>(max)));
    return false;
  }
  *number = static_cast<uint32_t>(given);
  return true;
}

bool ToAddress(Napi::Env env, napi_value value, parse::Address* address) {
  const Napi::Value given(env, value);
  if (!given.IsString()) {
    ThrowType(env, "an address must be a string");
    return false;
  }
  const std::string text = given.As<Napi::String>().Utf8Value();
  if (parse::ParseAddressText(text, address)) return true;
  ThrowStatus(env, {EINVAL, "inet_pton", text});
  return false;
}

bool ToAddresses(Napi::Env env, napi_value value, uint16_t port,
                 std::vector<parse::Address>* addresses) {
  const Napi::Value given(env, value);
  if (!given.IsArray()) {
    ThrowType(env, "addresses must be an array");
    return false;
  }
  const Napi::Array list = given.As<Napi::Array>();
  const uint32_t count = list.Length();
  if (count == 0 || count > kMaxAddresses) {
    ThrowType(env, "addresses must have 1 to " + std::to_string(kMaxAddresses) + " elements");
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    parse::Address address;
    // A getter or a proxy may throw here.
    if (napi_get_element(env, list, i, &element) != napi_ok) return false;
    if (!ToAddress(env, element, &address)) return false;
    address.port = port;
    addresses->push_back(address);
  }
  return true;
}

Napi::Value FromAddresses(Napi::Env env, const std::vector<parse::Address>& addresses) {
  Napi::Array list = Napi::Array::New(env, addresses.size());
  for (uint32_t i = 0; i < addresses.size(); i++) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("address", addresses[i].ToText());
    entry.Set("port", addresses[i].port);
    list.Set(i, entry);
  }
  return list;
}

Napi::Object FromPathInfo(Napi::Env env, const kernel::PathInfo& info) {
  Napi::Object path = Napi::Object::New(env);
  path.Set("address", info.address.ToText());
  path.Set("port", info.address.port);
  path.Set("state", info.state);
  path.Set("cwndBytes", info.cwnd_bytes);
  path.Set("rttMs", info.rtt_ms);
  path.Set("rtoMs", info.rto_ms);
  path.Set("mtuBytes", info.mtu_bytes);
  return path;
}

Napi::Object FromStatus(Napi::Env env, const kernel::AssociationStatus& status) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("state", status.state);
  result.Set("peerWindowBytes", status.peer_window_bytes);
  result.Set("unackedChunks", status.unacked_chunks);
  result.Set("pendingChunks", status.pending_chunks);
  result.Set("outboundStreams", status.outbound_streams);
  result.Set("inboundStreams", status.inbound_streams);
  result.Set("fragmentationPointBytes", status.fragmentation_point_bytes);
  result.Set("primary", FromPathInfo(env, status.primary));
  return result;
}

Napi::Object FromStatistics(Napi::Env env, const kernel::AssociationStatistics& statistics) {
  Napi::Object result = Napi::Object::New(env);
  // A number of JavaScript holds 2^53 of them.
  const auto set = [&](const char* name, uint64_t value) {
    result.Set(name, static_cast<double>(value));
  };
  result.Set("maxRtoAddress", statistics.max_rto_address.ToText());
  set("maxRtoMs", statistics.max_rto_ms);
  set("sentPackets", statistics.sent_packets);
  set("receivedPackets", statistics.received_packets);
  set("sentChunks", statistics.sent_chunks);
  set("receivedChunks", statistics.received_chunks);
  set("retransmittedChunks", statistics.retransmitted_chunks);
  set("duplicateChunks", statistics.duplicate_chunks);
  return result;
}

}  // namespace backplane::binding
