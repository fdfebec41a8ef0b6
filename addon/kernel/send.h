#ifndef BACKPLANE_KERNEL_SEND_H_
#define BACKPLANE_KERNEL_SEND_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>

#include "kernel/send_queue.h"
#include "kernel/socket.h"

namespace backplane::kernel {

// Headers for handing up to 64 messages to the kernel with one system call.
class SendBatch {
 public:
  static constexpr int kSlots = 64;

  enum class Result : uint8_t {
    kEmpty,    // the queue is empty
    kBlocked,  // the kernel has no room now, or (`status`) no memory
    kRefused,  // the first message can never be sent; `status` tells why
    kOver,     // the association is over, or ending; `status` tells how
  };

  SendBatch();

  // Sends from the front of the queue and pops what the kernel took, until one of the results
  // holds.
  // `charged` grows by about what the kernel books for it against SO_SNDBUF.
  Result Flush(const Socket& socket, SendQueue* queue, size_t* charged, Status* status);

  // Sends one message from where it lies; only while the queue is empty. False: the kernel did not
  // take it, and whoever flushes it from the queue is told why.
  bool SendNow(const Socket& socket, parse::Bytes data, const SendInfo& info);

 private:
  static constexpr size_t kControlBytes = 32;

  int Fill(const SendQueue& queue);
  void FillSlot(int slot, uint8_t* data, size_t length, const SendInfo& info);
  // How many of the filled slots go with MSG_MORE, which lets the kernel bundle small messages into
  // full packets (RFC 9260, 6.10) where SCTP_NODELAY would give each its own: 2.1 times as many
  // messages of 64 bytes a second in the lab's guest. What is held back leaves with the next
  // message that is not, so one must follow for certain: the last one on the stream of the first,
  // which the kernel cannot refuse if it took the first.
  int Held(int count) const;
  size_t Charge(int count) const;

  alignas(8) std::array<std::array<uint8_t, kControlBytes>, kSlots> control_;
  std::array<iovec, kSlots> vectors_;
  std::array<uint16_t, kSlots> streams_;
  std::array<mmsghdr, kSlots> headers_;
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_SEND_H_
