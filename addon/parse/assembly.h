#ifndef BACKPLANE_PARSE_ASSEMBLY_H_
#define BACKPLANE_PARSE_ASSEMBLY_H_

#include <cstdint>
#include <vector>

#include "parse/bytes.h"
#include "parse/control.h"

namespace backplane::parse {

// Puts the pieces of one message together that the kernel delivered without MSG_EOR. Without
// interleaving the kernel finishes one message before it delivers the next one.
class Assembly {
 public:
  enum class Result : uint8_t { kKept, kOversize };

  bool active() const { return active_; }
  const ReceiveInfo& info() const { return info_; }
  Bytes bytes() const { return {buffer_.data(), buffer_.size()}; }

  // Adds a piece. When the message would grow beyond `limit` bytes everything of it is dropped; its
  // remaining pieces are to be thrown away until the last one, and then `EndSkip` called.
  Result Add(Bytes piece, const ReceiveInfo& info, size_t limit);

  // True while the pieces of a dropped message are still arriving.
  bool skipping() const { return skipping_; }
  void EndSkip() { skipping_ = false; }

  // Forgets the message, and gives a large buffer back.
  void Reset();

 private:
  std::vector<uint8_t> buffer_;
  ReceiveInfo info_;
  bool active_ = false;
  bool skipping_ = false;
};

}  // namespace backplane::parse

#endif  // BACKPLANE_PARSE_ASSEMBLY_H_
