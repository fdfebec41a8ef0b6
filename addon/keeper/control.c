#include "keeper/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void Admit(struct ControlClient* client, int socket) {
  memset(client, 0, sizeof(*client));
  client->lines.socket = socket;
  client->behind = true;
}

int OpenControl(struct Control* control, int first) {
  for (int i = 0; i < kControlClients; i++) control->clients[i].lines.socket = -1;
  control->oldest = 0;
  control->listener = ListenAt("control", SOCK_STREAM);
  if (control->listener < 0) return errno;
  if (first >= 0) Admit(&control->clients[0], first);
  return 0;
}

void DropClient(struct ControlClient* client) {
  close(client->lines.socket);
  client->lines.socket = -1;
}

void AcceptControl(struct Control* control) {
  const int socket = AcceptAt(control->listener);
  if (socket < 0) return;
  for (int i = 0; i < kControlClients; i++) {
    if (control->clients[i].lines.socket < 0) return Admit(&control->clients[i], socket);
  }
  struct ControlClient* client = &control->clients[control->oldest++ % kControlClients];
  DropClient(client);
  Admit(client, socket);
}

void MarkBehind(struct Control* control) {
  for (int i = 0; i < kControlClients; i++) control->clients[i].behind = true;
}

// False: this client is gone, or takes no more at present.
static bool Flush(struct ControlClient* client) {
  while (client->rest_length > 0) {
    const ssize_t sent =
        send(client->lines.socket, client->rest, client->rest_length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) DropClient(client);
      return false;
    }
    client->rest_length -= (size_t)sent;
    memmove(client->rest, client->rest + sent, client->rest_length);
  }
  return true;
}

void TellState(struct Control* control, const char* state, size_t length) {
  for (int i = 0; i < kControlClients; i++) {
    struct ControlClient* client = &control->clients[i];
    if (client->lines.socket < 0 || !Flush(client) || !client->behind) continue;
    memcpy(client->rest, state, length);
    client->rest_length = length;
    client->behind = false;
    Flush(client);
  }
}
