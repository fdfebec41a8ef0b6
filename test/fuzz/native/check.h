#ifndef BACKPLANE_FUZZ_CHECK_H_
#define BACKPLANE_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace backplane::fuzz {

// Ends the program where a promise is broken; both fuzzers take that for a finding.
inline void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

}  // namespace backplane::fuzz

#endif  // BACKPLANE_FUZZ_CHECK_H_
