#ifndef BACKPLANE_PARSE_BYTES_H_
#define BACKPLANE_PARSE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace backplane::parse {

// A view of bytes that somebody else owns. Every read is checked against the end; reads are in host
// byte order and need no alignment.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t length = 0;

  template <typename T>
  bool Read(size_t offset, T* value) const {
    if (offset > length || sizeof(T) > length - offset) return false;
    std::memcpy(value, data + offset, sizeof(T));
    return true;
  }

  // The part from `offset` on, empty when that is past the end.
  Bytes From(size_t offset) const {
    if (offset >= length) return {};
    return {data + offset, length - offset};
  }

  // The first `count` bytes, fewer when there are fewer.
  Bytes First(size_t count) const { return {data, count < length ? count : length}; }
};

}  // namespace backplane::parse

#endif  // BACKPLANE_PARSE_BYTES_H_
