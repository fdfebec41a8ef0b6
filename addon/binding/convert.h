#ifndef BACKPLANE_BINDING_CONVERT_H_
#define BACKPLANE_BINDING_CONVERT_H_

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/socket.h"
#include "kernel/status.h"
#include "parse/address.h"
#include "parse/notification.h"

namespace backplane::binding {

// Errors: { code, errno, syscall, address }. The throwing ones leave a pending exception.
Napi::Value ToError(Napi::Env env, const kernel::Status& status);
void ThrowStatus(Napi::Env env, const kernel::Status& status);
void ThrowClosed(Napi::Env env);
void ThrowType(Napi::Env env, const std::string& message);

// An integer from 0 to `max`; otherwise a TypeError is pending and the result is false.
bool ToInteger(Napi::Env env, napi_value value, const char* name, double max, uint32_t* number);
bool ToAddress(Napi::Env env, napi_value value, parse::Address* address);
// A list of 1 to 64 addresses, all given `port`.
bool ToAddresses(Napi::Env env, napi_value value, uint16_t port,
                 std::vector<parse::Address>* addresses);

Napi::Value FromAddresses(Napi::Env env, const std::vector<parse::Address>& addresses);
Napi::Object FromPathInfo(Napi::Env env, const kernel::PathInfo& info);
Napi::Object FromStatus(Napi::Env env, const kernel::AssociationStatus& status);
Napi::Object FromStatistics(Napi::Env env, const kernel::AssociationStatistics& statistics);
Napi::Value FromNotification(Napi::Env env, const parse::Notification& notification);

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_CONVERT_H_
