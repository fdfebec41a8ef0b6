// What a keeper leaves in its folder, which is the working one: who it is, and how its worker
// ended.
#ifndef BACKPLANE_ADDON_KEEPER_FILES_H_
#define BACKPLANE_ADDON_KEEPER_FILES_H_

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// How a worker ended, in a word of its own and a number: `code 0`, `signal 9`, or, where it could
// not be started, `failed 2` (an errno) and at what.
struct Ending {
  const char* how;
  int number;
  const char* at;
};

// Start time of a process in ticks since boot: with its number it is told apart from all others
// that have it before or after. 0: there is none.
unsigned long long StartTicks(pid_t pid);

// Takes `spec` from whoever else may want it, by renaming it to `keeper.<pid>.<ticks>`: the name in
// the folder says from then on who keeps this worker. `name` has kNameBytes.
enum { kNameBytes = 64 };
int TakeSpec(char* name);

// Makes room on the disk for how the worker will end, so that a full disk does not lose it.
int ReserveEnding(void);

// Writes how it ended, and the last signal that it was sent (0: none), to last, under the name
// `exit`. Zero, or the errno: to be tried again.
int StoreEnding(const struct Ending* ending, int signalled);

// Writes who is who, for people.
void StoreState(pid_t child);

// Writes all of it.
bool WriteAll(int file, const char* bytes, size_t count);

#endif  // BACKPLANE_ADDON_KEEPER_FILES_H_
