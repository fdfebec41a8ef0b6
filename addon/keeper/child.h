// The worker itself: how it comes to be, what it is sent, and what is left of it.
#ifndef BACKPLANE_ADDON_KEEPER_CHILD_H_
#define BACKPLANE_ADDON_KEEPER_CHILD_H_

#include <stdbool.h>
#include <sys/types.h>

#include "keeper/spec.h"

// What a child that could not become the worker says of it, in one write.
struct ExecFailure {
  int error;
  char at[16];
};

struct Child {
  // 0: there was none.
  pid_t pid;
  // Its output, and an ExecFailure; at the end of that without one it has become the worker.
  int output;
  int failure;
};

// Zero, or an errno.
int StartChild(const struct Spec* spec, struct Child* child);

// Signals the worker and all of its group.
void SignalChild(const struct Child* child, int number);

// Kills every process that has become this one's child: what a worker has left behind.
void KillChildren(void);

#endif  // BACKPLANE_ADDON_KEEPER_CHILD_H_
