// Lines of text from sockets whose other end may say anything: too long a line ends the talk.
#ifndef BACKPLANE_ADDON_KEEPER_LINES_H_
#define BACKPLANE_ADDON_KEEPER_LINES_H_

#include <stdbool.h>
#include <stddef.h>

enum { kLineBytes = 1024 };

struct Lines {
  int socket;
  size_t length;
  char bytes[kLineBytes];
};

// Listens at a path in the working folder; -1 with errno set.
int ListenAt(const char* path, int type);

// Takes one who has come; -1: nobody.
int AcceptAt(int listener);

// Reads what has come and gives each whole line, without its end, to `take`. False: the other end
// is gone, or says what cannot be a line, or `take` said so.
bool ReadLines(struct Lines* lines, bool (*take)(char* line, void* context), void* context);

#endif  // BACKPLANE_ADDON_KEEPER_LINES_H_
