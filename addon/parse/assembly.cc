#include "parse/assembly.h"

namespace backplane::parse {

namespace {
// An association that once had a large message should not hold its memory for ever.
constexpr size_t kKeptCapacityBytes = 256 * 1024;
}  // namespace

Assembly::Result Assembly::Add(Bytes piece, const ReceiveInfo& info, size_t limit) {
  if (!active_) {
    active_ = true;
    info_ = info;
  }
  if (piece.length > limit || buffer_.size() > limit - piece.length) {
    Reset();
    skipping_ = true;
    return Result::kOversize;
  }
  buffer_.insert(buffer_.end(), piece.data, piece.data + piece.length);
  return Result::kKept;
}

void Assembly::Reset() {
  active_ = false;
  skipping_ = false;
  buffer_.clear();
  if (buffer_.capacity() > kKeptCapacityBytes) buffer_.shrink_to_fit();
}

}  // namespace backplane::parse
