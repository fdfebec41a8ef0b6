// What a worker says of itself, as sd_notify(3) has it: at a socket for datagrams, and line by line
// at another for programs whose language has none.
#ifndef BACKPLANE_ADDON_KEEPER_NOTIFY_H_
#define BACKPLANE_ADDON_KEEPER_NOTIFY_H_

#include <stdbool.h>

#include "keeper/lines.h"

enum {
  kNotifyClients = 4,
  kStatusBytes = 256,
};

struct Notify {
  int datagrams;
  int listener;
  // Those without one have socket -1.
  struct Lines clients[kNotifyClients];
  bool ready;
  bool stopping;
  // Said by the worker itself, instead of a beat.
  bool stalled;
  unsigned long long beats;
  // Its own words, for people.
  char status[kStatusBytes];
};

// Opens both sockets; they belong to a user where one is given. Zero, or the errno.
int OpenNotify(struct Notify* notify, const char* user);

// Reads what has come, a bounded part at a time.
void ReadDatagrams(struct Notify* notify);
void AcceptNotify(struct Notify* notify);
void ReadNotify(struct Notify* notify, struct Lines* client);

#endif  // BACKPLANE_ADDON_KEEPER_NOTIFY_H_
