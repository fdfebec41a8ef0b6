#include "keeper/notify.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  kDatagramBytes = 8 * 1024,
  kDatagramsAtOnce = 64,
};

static const char kDatagrams[] = "notify";
static const char kStream[] = "notify.stream";

static int GiveTo(const char* user) {
  errno = 0;
  const struct passwd* owner = getpwnam(user);
  // The child finds the same, and says so.
  if (owner == NULL || owner->pw_uid == geteuid()) return 0;
  if (chown(kDatagrams, owner->pw_uid, owner->pw_gid) != 0) return errno;
  if (chown(kStream, owner->pw_uid, owner->pw_gid) != 0) return errno;
  // The way there: to walk through, not to look around.
  return chmod(".", 0711) == 0 ? 0 : errno;
}

int OpenNotify(struct Notify* notify, const char* user) {
  notify->datagrams = ListenAt(kDatagrams, SOCK_DGRAM);
  if (notify->datagrams < 0) return errno;
  notify->listener = ListenAt(kStream, SOCK_STREAM);
  if (notify->listener < 0) return errno;
  for (int i = 0; i < kNotifyClients; i++) notify->clients[i].socket = -1;
  return user == NULL ? 0 : GiveTo(user);
}

// One assignment; those not known here are for others than a keeper.
static bool TakeAssignment(char* line, void* context) {
  struct Notify* notify = context;
  if (strcmp(line, "READY=1") == 0) notify->ready = true;
  if (strcmp(line, "STOPPING=1") == 0) notify->stopping = true;
  if (strcmp(line, "WATCHDOG=1") == 0) notify->beats++;
  if (strcmp(line, "WATCHDOG=trigger") == 0) notify->stalled = true;
  if (strncmp(line, "STATUS=", 7) == 0) {
    snprintf(notify->status, sizeof(notify->status), "%s", line + 7);
  }
  return true;
}

void ReadDatagrams(struct Notify* notify) {
  char bytes[kDatagramBytes + 1];
  for (int i = 0; i < kDatagramsAtOnce; i++) {
    const ssize_t count = recv(notify->datagrams, bytes, kDatagramBytes, 0);
    if (count < 0) return;
    bytes[count] = '\0';
    char* rest = bytes;
    for (char* line; (line = strsep(&rest, "\n")) != NULL;) TakeAssignment(line, notify);
  }
}

void AcceptNotify(struct Notify* notify) {
  const int client = AcceptAt(notify->listener);
  if (client < 0) return;
  for (int i = 0; i < kNotifyClients; i++) {
    if (notify->clients[i].socket >= 0) continue;
    notify->clients[i].socket = client;
    notify->clients[i].length = 0;
    return;
  }
  close(client);
}

void ReadNotify(struct Notify* notify, struct Lines* client) {
  if (ReadLines(client, TakeAssignment, notify)) return;
  close(client->socket);
  client->socket = -1;
}
