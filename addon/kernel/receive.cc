#include "kernel/receive.h"

#include "parse/sctp.h"

namespace backplane::kernel {

// Not zeroed: the 6 MiB take real memory only as far as messages reach.
ReceiveBatch::ReceiveBatch() : payload_(new uint8_t[kSlots * kSlotBytes]) {
  for (int slot = 0; slot < kSlots; slot++) {
    vectors_[slot] = {payload_.get() + slot * kSlotBytes, kSlotBytes};
    headers_[slot] = {};
    headers_[slot].msg_hdr.msg_iov = &vectors_[slot];
    headers_[slot].msg_hdr.msg_iovlen = 1;
    headers_[slot].msg_hdr.msg_control = control_[slot].data();
    headers_[slot].msg_hdr.msg_controllen = kControlBytes;
  }
}

int ReceiveBatch::Read(const Socket& socket, Status* status) {
  stand_in_ = socket.stand_in();
  int count;
  do {
    count = recvmmsg(socket.fd(), headers_.data(), kSlots, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  for (int slot = 0; slot < count; slot++) {
    // The kernel has put the length it used here; the next round needs the room again.
    control_bytes_[slot] = headers_[slot].msg_hdr.msg_controllen;
    headers_[slot].msg_hdr.msg_controllen = kControlBytes;
  }
  if (count >= 0) return count;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  *status = Status::Of(count, "recvmmsg");
  return -1;
}

Piece ReceiveBatch::At(int slot) const {
  const mmsghdr& header = headers_[slot];
  Piece piece;
  piece.data = {payload_.get() + slot * kSlotBytes, header.msg_len};
  if (stand_in_) {
    // Such a socket has no MSG_EOR: a full slot stands for a part.
    piece.last = header.msg_len < kSlotBytes;
    return piece;
  }
  piece.notification = (header.msg_hdr.msg_flags & MSG_NOTIFICATION) != 0;
  piece.last = (header.msg_hdr.msg_flags & MSG_EOR) != 0;
  if (!piece.notification) {
    piece.info = parse::ParseControl({control_[slot].data(), control_bytes_[slot]});
  }
  return piece;
}

}  // namespace backplane::kernel
