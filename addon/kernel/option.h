#ifndef BACKPLANE_KERNEL_OPTION_H_
#define BACKPLANE_KERNEL_OPTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernel/socket.h"
#include "kernel/status.h"
#include "parse/address.h"

namespace backplane::kernel {

// One field of an option's value.
struct OptionField {
  enum class Kind : uint8_t { kBoolean, kUint16, kUint32, kAddress };

  const char* name = nullptr;  // null for options that are a bare number or boolean
  Kind kind = Kind::kUint32;
  bool optional = false;
};

struct OptionValue {
  bool present = false;
  uint32_t number = 0;  // booleans are 0 and 1
  Address address;
};

inline constexpr size_t kMaxOptionFields = 5;

// Values in the order of the option's fields.
using OptionValues = std::array<OptionValue, kMaxOptionFields>;

using SetOption = Status (*)(const Socket& socket, const OptionValues& values);
// Fills in the values; a present address names the path that is asked about.
using GetOption = Status (*)(const Socket& socket, OptionValues* values);

// One row of the table of options: the name of the addon's contract, the shape of its value, and
// what sets and reads it.
struct Option {
  const char* name;
  std::array<OptionField, kMaxOptionFields> fields;
  size_t field_count;
  SetOption set;
  GetOption get;  // null for options that cannot be read

  bool bare() const { return field_count == 1 && fields[0].name == nullptr; }
};

// Null when there is no option of that name.
const Option* FindOption(std::string_view name);

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_OPTION_H_
