#ifndef BACKPLANE_KERNEL_RECEIVE_H_
#define BACKPLANE_KERNEL_RECEIVE_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>

#include "kernel/socket.h"
#include "parse/bytes.h"
#include "parse/control.h"

namespace backplane::kernel {

// What one slot of a receive round holds.
struct Piece {
  parse::Bytes data;  // valid until the next round
  bool notification = false;
  // False for a part of a message (or notification) of which more will come.
  bool last = true;
  parse::ReceiveInfo info;
};

// Buffers for reading up to 64 messages with one system call. One instance serves all sockets of an
// environment, because nothing stays in it between two rounds.
class ReceiveBatch {
 public:
  static constexpr int kSlots = 64;
  // A message of 64 KiB with what surrounds it on its way still takes one slot.
  static constexpr size_t kSlotBytes = 96 * 1024;

  ReceiveBatch();

  // One round. Returns the slots filled, 0 when there is nothing to read now, -1 with `status` set
  // when the socket has an error. An error is told once: what was received before it can still be
  // read.
  int Read(const Socket& socket, Status* status);
  // A slot of the last round. A slot without bytes is the end of the association.
  Piece At(int slot) const;

 private:
  static constexpr size_t kControlBytes = 128;

  std::unique_ptr<uint8_t[]> payload_;
  alignas(8) std::array<std::array<uint8_t, kControlBytes>, kSlots> control_;
  std::array<iovec, kSlots> vectors_;
  std::array<mmsghdr, kSlots> headers_;
  std::array<size_t, kSlots> control_bytes_{};
  bool stand_in_ = false;
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_RECEIVE_H_
