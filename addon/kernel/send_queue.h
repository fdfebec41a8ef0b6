#ifndef BACKPLANE_KERNEL_SEND_QUEUE_H_
#define BACKPLANE_KERNEL_SEND_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "parse/bytes.h"

namespace backplane::kernel {

// How one message is to be sent.
struct SendInfo {
  uint32_t ppid = 0;  // host byte order
  uint32_t context = 0;
  uint16_t stream = 0;
  bool unordered = false;
  bool sack_now = false;
};

// Memory for the queues of one environment. Chunks are used again, because memory fresh from the
// system costs a page fault every 4 KiB, which is more than the copy into it.
class ChunkPool {
 public:
  static constexpr size_t kChunkBytes = 256 * 1024;
  using Memory = std::unique_ptr<uint8_t[]>;

  Memory Take();
  void Return(Memory memory);

 private:
  static constexpr size_t kMaxFree = 32;

  std::vector<Memory> free_;
};

// Copies of messages that wait for the kernel, first in first out. Messages lie one behind the
// other in chunks, so that pushing and popping cost a copy and no allocation of their own.
class SendQueue {
 public:
  explicit SendQueue(std::shared_ptr<ChunkPool> pool) : pool_(std::move(pool)) {}

  struct Message {
    uint8_t* data;
    size_t length;
    SendInfo info;
  };

  // Walks over the queue from its front.
  class Cursor {
   public:
    explicit Cursor(const SendQueue& queue);
    bool Next(Message* message);

   private:
    const SendQueue& queue_;
    size_t chunk_ = 0;
    size_t offset_ = 0;
  };

  void Push(parse::Bytes data, const SendInfo& info);
  void Pop(size_t count);
  void Clear();

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // Payload bytes.
  size_t bytes() const { return bytes_; }

 private:
  struct Record {
    uint32_t length;
    SendInfo info;
  };
  struct Chunk {
    ChunkPool::Memory data;
    size_t capacity;
    size_t begin;
    size_t end;
  };

  void PopChunk();

  std::shared_ptr<ChunkPool> pool_;
  std::deque<Chunk> chunks_;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_SEND_QUEUE_H_
