#include "kernel/send_queue.h"

#include <cstring>

namespace backplane::kernel {

namespace {

constexpr size_t kAlignment = 8;

// Bytes of a record with its payload, so that the next record is aligned.
size_t Footprint(size_t record, size_t length) {
  return (record + length + kAlignment - 1) & ~(kAlignment - 1);
}

}  // namespace

ChunkPool::Memory ChunkPool::Take() {
  if (free_.empty()) return Memory(new uint8_t[kChunkBytes]);
  Memory memory = std::move(free_.back());
  free_.pop_back();
  return memory;
}

void ChunkPool::Return(Memory memory) {
  if (free_.size() < kMaxFree) free_.push_back(std::move(memory));
}

SendQueue::Cursor::Cursor(const SendQueue& queue) : queue_(queue) {
  if (!queue.chunks_.empty()) offset_ = queue.chunks_.front().begin;
}

bool SendQueue::Cursor::Next(Message* message) {
  while (chunk_ < queue_.chunks_.size() && offset_ == queue_.chunks_[chunk_].end) {
    chunk_++;
    if (chunk_ < queue_.chunks_.size()) offset_ = queue_.chunks_[chunk_].begin;
  }
  if (chunk_ >= queue_.chunks_.size()) return false;
  uint8_t* at = queue_.chunks_[chunk_].data.get() + offset_;
  Record record;
  std::memcpy(&record, at, sizeof record);
  *message = {at + sizeof record, record.length, record.info};
  offset_ += Footprint(sizeof record, record.length);
  return true;
}

void SendQueue::Push(parse::Bytes data, const SendInfo& info) {
  const Record record{static_cast<uint32_t>(data.length), info};
  const size_t needed = Footprint(sizeof record, data.length);
  if (chunks_.empty() || chunks_.back().capacity - chunks_.back().end < needed) {
    const bool pooled = needed <= ChunkPool::kChunkBytes;
    const size_t capacity = pooled ? ChunkPool::kChunkBytes : needed;
    auto memory = pooled ? pool_->Take() : ChunkPool::Memory(new uint8_t[capacity]);
    chunks_.push_back({std::move(memory), capacity, 0, 0});
  }
  Chunk& chunk = chunks_.back();
  uint8_t* at = chunk.data.get() + chunk.end;
  std::memcpy(at, &record, sizeof record);
  std::memcpy(at + sizeof record, data.data, data.length);
  chunk.end += needed;
  count_++;
  bytes_ += data.length;
}

void SendQueue::Pop(size_t count) {
  while (count > 0 && count_ > 0) {
    Chunk& chunk = chunks_.front();
    Record record;
    std::memcpy(&record, chunk.data.get() + chunk.begin, sizeof record);
    chunk.begin += Footprint(sizeof record, record.length);
    bytes_ -= record.length;
    count_--;
    count--;
    if (chunk.begin == chunk.end) PopChunk();
  }
}

void SendQueue::PopChunk() {
  Chunk& chunk = chunks_.front();
  if (chunk.capacity == ChunkPool::kChunkBytes) pool_->Return(std::move(chunk.data));
  chunks_.pop_front();
}

void SendQueue::Clear() {
  while (!chunks_.empty()) PopChunk();
  count_ = bytes_ = 0;
}

}  // namespace backplane::kernel
