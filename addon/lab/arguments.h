// Arguments of the lab's methods: checked one by one, wrong ones throw a TypeError.
#ifndef BACKPLANE_ADDON_LAB_ARGUMENTS_H_
#define BACKPLANE_ADDON_LAB_ARGUMENTS_H_

#include <napi.h>

#include <string>
#include <vector>

#include "lab/netlink.h"

namespace backplane::lab {

// Reads from the left. After a wrong argument `ok()` is false, a TypeError is pending, and what was
// read is empty.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  int Integer(const char* name);
  double Number(const char* name);
  bool Boolean(const char* name);
  std::string Text(const char* name);
  std::vector<uint8_t> Bytes(const char* name);
  Napi::Function Callback(const char* name);
  Napi::Value Next() { return info_[next_++]; }

  void Reject(const char* name, const char* type);
  bool ok() const { return ok_; }

 private:
  const Napi::CallbackInfo& info_;
  size_t next_ = 0;
  bool ok_ = true;
};

// Throws what a failed system call gives: code, errno, syscall, and the address or path it was
// about.
void Throw(Napi::Env env, const Failure& failure, const std::string& about = "");
void ThrowClosed(Napi::Env env);

}  // namespace backplane::lab

#endif  // BACKPLANE_ADDON_LAB_ARGUMENTS_H_
