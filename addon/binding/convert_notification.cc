#include <cstring>

#include "binding/convert.h"

namespace backplane::binding {

namespace {

using parse::Notification;
using parse::NotificationType;

const char* ChangeName(parse::AssociationChange change) {
  switch (change) {
    case parse::AssociationChange::kUp:
      return "up";
    case parse::AssociationChange::kRestart:
      return "restart";
    case parse::AssociationChange::kShutdownComplete:
      return "shutdown-complete";
    case parse::AssociationChange::kCannotStart:
      return "cannot-start";
    case parse::AssociationChange::kLost:
      break;
  }
  return "lost";
}

const char* ChangeName(parse::PathChange change) {
  switch (change) {
    case parse::PathChange::kAvailable:
      return "available";
    case parse::PathChange::kUnreachable:
      return "unreachable";
    case parse::PathChange::kRemoved:
      return "removed";
    case parse::PathChange::kAdded:
      return "added";
    case parse::PathChange::kMadePrimary:
      return "made-primary";
    case parse::PathChange::kConfirmed:
      return "confirmed";
    case parse::PathChange::kPotentiallyFailed:
      return "potentially-failed";
    case parse::PathChange::kUnknown:
      break;
  }
  return "unknown";
}

Napi::Value CopyOf(Napi::Env env, const std::vector<uint8_t>& bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes.size());
  if (!copy.IsEmpty() && !bytes.empty()) std::memcpy(copy.Data(), bytes.data(), bytes.size());
  return copy;
}

void SetOther(const Notification& notification, Napi::Object* object) {
  object->Set("type", "other");
  object->Set("kind", notification.kind);
  object->Set("length", notification.length);
}

}  // namespace

Napi::Value FromNotification(Napi::Env env, const Notification& notification) {
  Napi::Object object = Napi::Object::New(env);
  switch (notification.type) {
    case NotificationType::kAssociation:
      object.Set("type", "association");
      object.Set("change", ChangeName(notification.association));
      object.Set("error", notification.error);
      object.Set("outboundStreams", notification.outbound_streams);
      object.Set("inboundStreams", notification.inbound_streams);
      object.Set("info", CopyOf(env, notification.data));
      break;
    case NotificationType::kPath:
      object.Set("type", "path");
      object.Set("address", notification.address.ToText());
      object.Set("change", ChangeName(notification.path));
      object.Set("error", notification.error);
      break;
    case NotificationType::kShutdown:
      object.Set("type", "shutdown");
      break;
    case NotificationType::kSendFailed:
      object.Set("type", "send-failed");
      object.Set("sent", notification.sent);
      object.Set("error", notification.error);
      object.Set("stream", notification.stream);
      object.Set("ppid", notification.ppid);
      object.Set("context", notification.context);
      object.Set("data", CopyOf(env, notification.data));
      break;
    case NotificationType::kSenderDry:
      object.Set("type", "sender-dry");
      break;
    case NotificationType::kRemoteError:
      object.Set("type", "remote-error");
      object.Set("error", notification.error);
      object.Set("data", CopyOf(env, notification.data));
      break;
    case NotificationType::kPartialAborted:
    case NotificationType::kOther:
      SetOther(notification, &object);
      break;
  }
  return object;
}

}  // namespace backplane::binding
