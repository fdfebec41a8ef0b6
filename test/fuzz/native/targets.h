#ifndef BACKPLANE_FUZZ_TARGETS_H_
#define BACKPLANE_FUZZ_TARGETS_H_

#include "parse/bytes.h"

namespace backplane::fuzz {

// Each feeds one entry of the parsers with `input` and checks what it promises for any input. The
// sanitizers see a read past the end where `input` is a heap block of exactly its size.
void FuzzNotification(parse::Bytes input);
void FuzzControl(parse::Bytes input);
void FuzzAddress(parse::Bytes input);
void FuzzAddressText(parse::Bytes input);
void FuzzAssembly(parse::Bytes input);

struct Target {
  const char* name;
  void (*run)(parse::Bytes input);
};

inline constexpr Target kTargets[] = {
    {"notification", FuzzNotification}, {"control", FuzzControl},   {"address", FuzzAddress},
    {"address-text", FuzzAddressText},  {"assembly", FuzzAssembly},
};

}  // namespace backplane::fuzz

#endif  // BACKPLANE_FUZZ_TARGETS_H_
