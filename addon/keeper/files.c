#include "keeper/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  // Longer than any ending is.
  kRoomBytes = 128,
  // Of /proc/<pid>/stat: the start time is the 20th field after the name.
  kStatBytes = 1024,
  kStartField = 20,
};

unsigned long long StartTicks(pid_t pid) {
  char path[32];
  char text[kStatBytes];
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t count = read(file, text, sizeof(text) - 1);
  close(file);
  if (count <= 0) return 0;
  text[count] = '\0';
  // The name in brackets may hold anything, brackets too.
  const char* at = strrchr(text, ')');
  for (int i = 0; at != NULL && i < kStartField; i++) at = strchr(at + 1, ' ');
  unsigned long long ticks = 0;
  if (at == NULL || sscanf(at, "%llu", &ticks) != 1) return 0;
  return ticks;
}

int TakeSpec(char* name) {
  const pid_t self = getpid();
  snprintf(name, kNameBytes, "keeper.%d.%llu", (int)self, StartTicks(self));
  return rename("spec", name) == 0 ? 0 : errno;
}

bool WriteAll(int file, const char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t written = write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= (size_t)written;
  }
  return true;
}

// Writes a file of newlines with a text at its beginning; what it takes on the disk stays the same.
static int WriteRoom(const char* text) {
  char room[kRoomBytes];
  memset(room, '\n', sizeof(room));
  memcpy(room, text, strlen(text));
  const int file = open("exit.room", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  errno = 0;
  int failure = WriteAll(file, room, sizeof(room)) ? 0 : errno;
  if (failure == 0 && fsync(file) != 0) failure = errno;
  close(file);
  return failure;
}

int ReserveEnding(void) { return WriteRoom(""); }

int StoreEnding(const struct Ending* ending, int signalled) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const long long at_ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  char text[kRoomBytes];
  snprintf(text, sizeof(text), "%s %d %s %lld %d\n", ending->how, ending->number, ending->at, at_ms,
           signalled);
  int failure = WriteRoom(text);
  if (failure == 0 && rename("exit.room", "exit") != 0) failure = errno;
  if (failure != 0) return failure;
  const int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  if (fsync(folder) != 0) failure = errno;
  close(folder);
  return failure;
}

void StoreState(pid_t child) {
  char text[kRoomBytes];
  const pid_t self = getpid();
  snprintf(text, sizeof(text), "keeper %d %llu\nworker %d %llu\n", (int)self, StartTicks(self),
           (int)child, StartTicks(child));
  const int file = open("state", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  WriteAll(file, text, strlen(text));
  close(file);
}
