// What the worker says, from its pipe into a file. A full one is put aside and another begun.
#ifndef BACKPLANE_ADDON_KEEPER_OUTPUT_H_
#define BACKPLANE_ADDON_KEEPER_OUTPUT_H_

#include <stdbool.h>
#include <stddef.h>

#include "keeper/spec.h"

struct Output {
  // The worker's pipe; -1 when nobody writes any more.
  int pipe;
  // -1: could not be opened.
  int file;
  size_t file_bytes;
  // Could not be written, and not been told of in the file.
  unsigned long long untold;
  unsigned long long dropped;
  const char* path;
  size_t most_bytes;
  int kept_files;
};

void OpenOutput(struct Output* output, const struct Spec* spec, int pipe);

// Moves what waits in the pipe, a piece at a time, so that a flood leaves time for all else. False:
// nothing waits.
bool MoveOutput(struct Output* output);

#endif  // BACKPLANE_ADDON_KEEPER_OUTPUT_H_
