#ifndef BACKPLANE_KERNEL_DESCRIPTOR_H_
#define BACKPLANE_KERNEL_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace backplane::kernel {

// Owner of a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  void Reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_DESCRIPTOR_H_
