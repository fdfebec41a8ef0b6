#ifndef BACKPLANE_KERNEL_STATUS_H_
#define BACKPLANE_KERNEL_STATUS_H_

#include <cerrno>
#include <string>

namespace backplane::kernel {

// Outcome of a system call: `error` is 0 or a positive errno.
struct [[nodiscard]] Status {
  int error = 0;
  const char* syscall = "";
  std::string address;

  bool ok() const { return error == 0; }

  static Status Ok() { return {}; }
  // From a call's return value, right after the call.
  static Status Of(int result, const char* syscall, std::string address = {}) {
    if (result >= 0) return {};
    return {errno, syscall, std::move(address)};
  }
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_STATUS_H_
