// What a keeper is told: a file of fields, each `name=value` with a NUL behind it. Whoever wrote it
// has checked it; what is read here is only held to the bounds of this program.
#ifndef BACKPLANE_ADDON_KEEPER_SPEC_H_
#define BACKPLANE_ADDON_KEEPER_SPEC_H_

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

enum {
  kSpecBytes = 1024 * 1024,
  kSpecArguments = 1024,
  kSpecVariables = 1024,
  kSpecLimits = 16,
};

struct SpecLimit {
  int resource;
  rlim_t value;
};

struct Spec {
  // All that was read; the texts below lie in it.
  char* bytes;
  // Both end with NULL.
  char* arguments[kSpecArguments + 1];
  char* variables[kSpecVariables + 1];
  // NULL: stays where, or who, the keeper is.
  const char* folder;
  const char* user;
  // Where the output goes; NULL: nowhere.
  const char* output;
  size_t output_bytes;
  // Files of output that were full and are kept.
  int output_files;
  // File of the control group for keeper and worker; NULL: they stay in that of the controller.
  const char* cgroup;
  // Longest time without a beat; 0: none are expected.
  long beat_ms;
  // Priority of keeper and worker; one that was not given is held where that is allowed.
  int nice;
  bool has_nice;
  // Whether the worker says itself when it is ready.
  bool says_ready;
  struct SpecLimit limits[kSpecLimits];
  size_t limit_count;
};

// Reads a file. Zero, or the errno; EINVAL for what is not understood.
int ReadSpec(const char* path, struct Spec* spec);

#endif  // BACKPLANE_ADDON_KEEPER_SPEC_H_
