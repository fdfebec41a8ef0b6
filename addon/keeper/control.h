// Whoever asks for this worker: the controller, the next one, a person's tool. Each is told the
// whole state whenever it changes, and nobody is waited for: who reads slowly misses states
// between.
#ifndef BACKPLANE_ADDON_KEEPER_CONTROL_H_
#define BACKPLANE_ADDON_KEEPER_CONTROL_H_

#include <stdbool.h>
#include <stddef.h>

#include "keeper/lines.h"

enum {
  kControlClients = 8,
  kStateBytes = 1280,
};

struct ControlClient {
  struct Lines lines;
  // Has not been told the newest state.
  bool behind;
  // What is left of a state that went out in part.
  char rest[kStateBytes];
  size_t rest_length;
};

struct Control {
  int listener;
  struct ControlClient clients[kControlClients];
  // Who goes when a newcomer finds no place.
  unsigned oldest;
};

// `first` is a client that is there already, or -1. Zero, or the errno.
int OpenControl(struct Control* control, int first);

void AcceptControl(struct Control* control);
void DropClient(struct ControlClient* client);

// Everybody has to be told.
void MarkBehind(struct Control* control);

// Tells those who are behind, as far as they read.
void TellState(struct Control* control, const char* state, size_t length);

#endif  // BACKPLANE_ADDON_KEEPER_CONTROL_H_
