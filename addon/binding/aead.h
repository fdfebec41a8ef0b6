#ifndef BACKPLANE_BINDING_AEAD_H_
#define BACKPLANE_BINDING_AEAD_H_

#include <napi.h>

namespace backplane::binding {

// AES-256-GCM (NIST SP 800-38D) in place, by the OpenSSL that Node brings. Node's own interface
// makes new memory for each result: 64 KiB a bundle, which the garbage collector then has to find.
Napi::Value SealAes256Gcm(const Napi::CallbackInfo& info);
Napi::Value OpenAes256Gcm(const Napi::CallbackInfo& info);

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_AEAD_H_
