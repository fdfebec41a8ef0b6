// libFuzzer's side: one program for all targets, of which BACKPLANE_FUZZ_TARGET names one. Build
// with clang's -fsanitize=fuzzer,address,undefined.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "samples.h"
#include "targets.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

const backplane::fuzz::Target* target = nullptr;

// One mutation of so many begins with a sample instead of the corpus.
constexpr unsigned kSampleEvery = 16;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("BACKPLANE_FUZZ_TARGET");
  for (const auto& each : backplane::fuzz::kTargets) {
    if (name != nullptr && std::strcmp(name, each.name) == 0) target = &each;
  }
  if (target != nullptr) return 0;
  std::fprintf(stderr, "BACKPLANE_FUZZ_TARGET names no target\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run({data, size});
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  if (seed % kSampleEvery == 0) {
    const auto& samples = backplane::fuzz::Samples();
    const auto& sample = samples[seed / kSampleEvery % samples.size()];
    size = std::min(sample.size(), max_size);
    std::memcpy(data, sample.data(), size);
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
