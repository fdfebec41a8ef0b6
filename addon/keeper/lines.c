#include "keeper/lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { kBacklog = 16 };

int ListenAt(const char* path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  const int listener = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return -1;
  const bool bound = bind(listener, (struct sockaddr*)&address, sizeof(address)) == 0;
  if (bound && (type == SOCK_DGRAM || listen(listener, kBacklog) == 0)) return listener;
  const int failure = errno;
  close(listener);
  errno = failure;
  return -1;
}

int AcceptAt(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

bool ReadLines(struct Lines* lines, bool (*take)(char* line, void* context), void* context) {
  const size_t room = sizeof(lines->bytes) - lines->length;
  const ssize_t count = recv(lines->socket, lines->bytes + lines->length, room, 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  lines->length += (size_t)count;
  char* at = lines->bytes;
  char* const end = lines->bytes + lines->length;
  for (char* stop; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
    *stop = '\0';
    if (!take(at, context)) return false;
  }
  lines->length = (size_t)(end - at);
  memmove(lines->bytes, at, lines->length);
  return lines->length < sizeof(lines->bytes);
}
