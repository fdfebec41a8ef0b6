#include "parse/notification.h"

#include <cstring>

#include "check.h"
#include "targets.h"

namespace backplane::fuzz {

using parse::Notification;
using parse::NotificationType;

void FuzzNotification(parse::Bytes input) {
  const Notification notification = parse::ParseNotification(input);
  const size_t size = notification.data.size();
  Check(notification.length == input.length, "the length is the input's");
  Check(size <= input.length, "no more data than there was input");
  uint16_t kind = 0;
  uint32_t stated = 0;
  if (input.Read(0, &kind) && input.Read(4, &stated)) {
    Check(notification.kind == kind, "the kind is the input's");
  }
  if (notification.type == NotificationType::kOther) {
    Check(size == 0 && notification.address.empty(), "what was not understood has no values");
  } else {
    Check(stated >= 8 && stated <= input.length, "what was cut short is not understood");
    const uint8_t* tail = input.data + stated - size;
    Check(size == 0 || std::memcmp(notification.data.data(), tail, size) == 0,
          "data is the end of what the length states");
  }
  const bool is_path = notification.type == NotificationType::kPath;
  Check(is_path == !notification.address.ToText().empty(), "a path has an address with a text");
  if (IsTerminal(notification)) {
    Check(notification.type == NotificationType::kAssociation, "only an association ends");
  }
}

}  // namespace backplane::fuzz
