#include "kernel/send.h"

#include <arpa/inet.h>

#include <cstring>

#include "parse/sctp.h"

namespace backplane::kernel {

static_assert(sizeof(sctp_sndinfo) == 16);

namespace {

// Errors that concern one message and leave the association as it is: a stream that does not exist,
// or a size beyond SO_SNDBUF.
bool ConcernsMessage(int error) { return error == EINVAL || error == EMSGSIZE; }

// Messages of at most this size on average are worth a packet with others.
constexpr size_t kBundledBytes = 512;

// There may be room later.
bool IsTransient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

SendBatch::SendBatch() {
  static_assert(kControlBytes >= CMSG_SPACE(sizeof(sctp_sndinfo)));
  for (int slot = 0; slot < kSlots; slot++) {
    control_[slot].fill(0);
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof(sctp_sndinfo));
    header.cmsg_level = IPPROTO_SCTP;
    header.cmsg_type = SCTP_SNDINFO;
    std::memcpy(control_[slot].data(), &header, sizeof header);
    headers_[slot] = {};
    headers_[slot].msg_hdr.msg_iov = &vectors_[slot];
    headers_[slot].msg_hdr.msg_iovlen = 1;
    headers_[slot].msg_hdr.msg_control = control_[slot].data();
    headers_[slot].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(sctp_sndinfo));
  }
}

int SendBatch::Fill(const SendQueue& queue) {
  SendQueue::Cursor cursor(queue);
  SendQueue::Message message;
  int count = 0;
  while (count < kSlots && cursor.Next(&message)) {
    FillSlot(count, message.data, message.length, message.info);
    count++;
  }
  return count;
}

void SendBatch::FillSlot(int slot, uint8_t* data, size_t length, const SendInfo& how) {
  vectors_[slot] = {data, length};
  streams_[slot] = how.stream;
  sctp_sndinfo info{};
  info.snd_sid = how.stream;
  if (how.unordered) info.snd_flags |= SCTP_UNORDERED;
  if (how.sack_now) info.snd_flags |= SCTP_SACK_IMMEDIATELY;
  info.snd_ppid = htonl(how.ppid);
  info.snd_context = how.context;
  std::memcpy(control_[slot].data() + CMSG_LEN(0), &info, sizeof info);
}

int SendBatch::Held(int count) const {
  size_t bytes = 0;
  for (int slot = 0; slot < count; slot++) bytes += vectors_[slot].iov_len;
  if (bytes > kBundledBytes * count) return 0;
  int last = count - 1;
  while (last > 0 && streams_[last] != streams_[0]) last--;
  return last;
}

// Linux 6.1 books 1,024 bytes for a message of up to 128 bytes, 2,536 for 1 KiB, 30 KiB for 16 KiB.
size_t SendBatch::Charge(int count) const {
  size_t charge = 0;
  for (int slot = 0; slot < count; slot++) charge += 900 + 2 * vectors_[slot].iov_len;
  return charge;
}

SendBatch::Result SendBatch::Flush(const Socket& socket, SendQueue* queue, size_t* charged,
                                   Status* status) {
  while (!queue->empty()) {
    const int count = Fill(*queue);
    const int held = Held(count);
    const int offered = held > 0 ? held : count;
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (held > 0 ? MSG_MORE : 0);
    const int taken = sendmmsg(socket.fd(), headers_.data(), offered, flags);
    if (taken > 0) {
      queue->Pop(taken);
      *charged += Charge(taken);
      // Fewer: there was no room. Where it was another reason, the next call tells.
      if (taken < offered) return Result::kBlocked;
      continue;
    }
    if (errno == EINTR) continue;
    *status = Status::Of(-1, "sendmmsg");
    if (IsTransient(status->error)) return Result::kBlocked;
    return ConcernsMessage(status->error) ? Result::kRefused : Result::kOver;
  }
  return Result::kEmpty;
}

bool SendBatch::SendNow(const Socket& socket, parse::Bytes data, const SendInfo& info) {
  // An iovec has no const; the kernel only reads.
  FillSlot(0, const_cast<uint8_t*>(data.data), data.length, info);
  return sendmmsg(socket.fd(), headers_.data(), 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

}  // namespace backplane::kernel
