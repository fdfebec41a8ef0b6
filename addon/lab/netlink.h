// Route netlink: building requests, sending them in one system call, reading the answers. No
// Node-API here.
#ifndef BACKPLANE_ADDON_LAB_NETLINK_H_
#define BACKPLANE_ADDON_LAB_NETLINK_H_

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace backplane::lab {

// A failed system call: which, and its errno. Zero errno is success.
struct Failure {
  const char* syscall = nullptr;
  int error = 0;
  explicit operator bool() const { return error != 0; }
};

// Requests, one after the other as they go to the kernel. Every one asks for an answer.
class Requests {
 public:
  // Begins a request; attributes follow. `family_header` is ifinfomsg, ifaddrmsg or tcmsg.
  template <typename Header>
  void Begin(uint16_t type, uint16_t flags, const Header& family_header) {
    Begin(type, flags, &family_header, sizeof(family_header));
  }
  void Begin(uint16_t type, uint16_t flags, const void* family_header, size_t length);
  void End();

  void Attribute(uint16_t type, const void* data, size_t length);
  void Attribute(uint16_t type, std::string_view text);  // with its terminating zero
  template <typename Value>
  void Number(uint16_t type, Value value) {
    Attribute(type, &value, sizeof(value));
  }
  // Data without an attribute of its own, within a nest.
  void Raw(const void* data, size_t length);
  size_t BeginNest(uint16_t type);
  void EndNest(size_t nest);

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  size_t count() const { return count_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t begin_ = 0;
  size_t count_ = 0;
};

// Hands all requests to the kernel of the socket's namespace at once and waits for their answers.
// The kernel goes on after a request that failed; the first failure is returned. `answers`, where
// given, gets all other messages that came.
Failure Send(int socket, const Requests& requests, std::vector<uint8_t>* answers = nullptr);

}  // namespace backplane::lab

#endif  // BACKPLANE_ADDON_LAB_NETLINK_H_
