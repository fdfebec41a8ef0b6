// A one-way flood over kernel SCTP in plain C, straight to the system calls: what the same traffic
// costs when nothing of ours is in the way. 32 messages per system call at both ends.
//
//   sctp_flood receive --local A --port P [--size N] [--buffer BYTES] [--warmup-ms N]
//              [--measure-ms N] [--user UID] [--loop 1]
//   sctp_flood send --local A --peer B --port P [--size N] [--buffer BYTES] [--user UID] [--loop 1]
//
// The system calls block, unless `--loop 1` makes both ends wait as a program on an event loop
// must: in epoll_wait, reading the clock as often around it as libuv does in a Node.js process.
//
// The receiver prints {"ready":true} when it listens, and one line with its figures when the window
// that began `warmup-ms` after the first message is over; then it aborts the association, and the
// sender ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 32, kDefaultBuffer = 4 * 1024 * 1024, kIdleMicroseconds = 100000, kPauseMs = 1 };

typedef struct {
  const char* local;
  const char* peer;
  int port;
  int size;
  int buffer;
  int warmup_ms;
  int measure_ms;
  int user;
  int loop;
} Settings;

static void Fail(const char* what) {
  fprintf(stderr, "sctp_flood: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static struct sockaddr_in Address(const char* text, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (text == NULL || inet_pton(AF_INET, text, &address.sin_addr) != 1) {
    fprintf(stderr, "sctp_flood: not an IPv4 address: %s\n", text == NULL ? "(none)" : text);
    exit(2);
  }
  return address;
}

// Beyond the system's limit where we may, else as far as it goes.
static int SetBuffer(int fd, int forced, int plain, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) < 0 &&
      setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes) < 0) {
    Fail("socket buffer");
  }
  int held = 0;
  socklen_t length = sizeof held;
  if (getsockopt(fd, SOL_SOCKET, plain, &held, &length) < 0) Fail("socket buffer");
  return held;
}

static int OpenSocket(const Settings* settings, int port, int* send_held, int* receive_held) {
  const int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
  if (fd < 0) Fail("socket");
  const int on = 1;
  if (setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) < 0) Fail("SCTP_NODELAY");
  *send_held = SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, settings->buffer);
  *receive_held = SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, settings->buffer);
  const struct sockaddr_in local = Address(settings->local, port);
  if (bind(fd, (const struct sockaddr*)&local, sizeof local) < 0) Fail("bind");
  return fd;
}

// An array of kBatch headers; each has `size` bytes of its own when `apart`, else all share them.
static struct mmsghdr* MakeBatch(int size, int apart) {
  struct mmsghdr* headers = calloc(kBatch, sizeof *headers);
  struct iovec* vectors = calloc(kBatch, sizeof *vectors);
  char* bytes = calloc(apart ? kBatch : 1, (size_t)size);
  if (headers == NULL || vectors == NULL || bytes == NULL) Fail("memory");
  for (int i = 0; i < kBatch; i++) {
    vectors[i].iov_base = bytes + (apart ? (size_t)i * size : 0);
    vectors[i].iov_len = (size_t)size;
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  return headers;
}

static int Watch(int fd) {
  const int watcher = epoll_create1(0);
  struct epoll_event readable = {.events = EPOLLIN};
  if (watcher < 0 || epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &readable) < 0) Fail("epoll");
  return watcher;
}

// One turn of libuv's loop with the idle-time metrics that Node.js keeps: four clock reads.
static void Turn(int watcher, int timeout_ms) {
  struct epoll_event event;
  NowMs();
  NowMs();
  if (epoll_wait(watcher, &event, 1, timeout_ms) < 0 && errno != EINTR) Fail("epoll_wait");
  NowMs();
  NowMs();
}

static int Send(const Settings* settings) {
  int send_held, receive_held;
  const int fd = OpenSocket(settings, 0, &send_held, &receive_held);
  const struct sockaddr_in peer = Address(settings->peer, settings->port);
  if (connect(fd, (const struct sockaddr*)&peer, sizeof peer) < 0) Fail("connect");
  struct mmsghdr* batch = MakeBatch(settings->size, 0);
  const int watcher = settings->loop ? Watch(fd) : -1;
  const int flags = MSG_NOSIGNAL | (settings->loop ? MSG_DONTWAIT : 0);
  for (;;) {
    if (sendmmsg(fd, batch, kBatch, flags) >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN) {
      Turn(watcher, kPauseMs);
      continue;
    }
    // The receiver has its figures.
    // The receiver has its figures; ESRCH is what a sender that waited for room is told.
    if (errno == EPIPE || errno == ECONNRESET || errno == ESRCH) return 0;
    Fail("sendmmsg");
  }
}

// Messages that ended in this batch; -1 at the end of the association.
static int CountMessages(const struct mmsghdr* batch, int entries) {
  int messages = 0;
  for (int i = 0; i < entries; i++) {
    if (batch[i].msg_len == 0) return -1;
    if ((batch[i].msg_hdr.msg_flags & MSG_EOR) != 0) messages++;
  }
  return messages;
}

static int Receive(const Settings* settings) {
  int send_held, receive_held;
  const int listener = OpenSocket(settings, settings->port, &send_held, &receive_held);
  if (listen(listener, 1) < 0) Fail("listen");
  puts("{\"ready\":true}");
  fflush(stdout);
  const int fd = accept(listener, NULL, NULL);
  if (fd < 0) Fail("accept");
  const struct linger abort_on_close = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
  // So that a window ends also while nothing arrives.
  const struct timeval idle = {0, kIdleMicroseconds};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);

  struct mmsghdr* batch = MakeBatch(settings->size, 1);
  double begin_ms = 0, window_ms = 0, now_ms = 0;
  int64_t messages = 0, before_window = 0;
  const int watcher = settings->loop ? Watch(fd) : -1;
  const int flags = settings->loop ? MSG_DONTWAIT : MSG_WAITFORONE;
  for (;;) {
    if (settings->loop) Turn(watcher, kIdleMicroseconds / 1000);
    const int entries = recvmmsg(fd, batch, kBatch, flags, NULL);
    if (entries < 0 && errno != EAGAIN && errno != EINTR) Fail("recvmmsg");
    const int ended = entries > 0 ? CountMessages(batch, entries) : 0;
    if (ended < 0) {
      fprintf(stderr, "sctp_flood: the sender ended too soon\n");
      return 1;
    }
    messages += ended;
    now_ms = NowMs();
    if (begin_ms == 0) {
      if (messages > 0) begin_ms = now_ms;
    } else if (window_ms == 0) {
      if (now_ms - begin_ms >= settings->warmup_ms) {
        window_ms = now_ms;
        before_window = messages;
      }
    } else if (now_ms - window_ms >= settings->measure_ms) {
      break;
    }
  }
  const int64_t counted = messages - before_window;
  printf(
      "{\"messages\":%lld,\"elapsedMs\":%.3f,\"perSecond\":%.1f,\"sendBuffer\":%d,"
      "\"receiveBuffer\":%d}\n",
      (long long)counted, now_ms - window_ms, counted / (now_ms - window_ms) * 1e3, send_held,
      receive_held);
  return 0;
}

// An ordinary user: leaving user 0 gives up every capability.
static void BecomeUser(int user) {
  if (user == 0) return;
  if (setgroups(0, NULL) < 0 || setgid((gid_t)user) < 0 || setuid((uid_t)user) < 0) Fail("setuid");
}

static int ParseSettings(int argc, char** argv, Settings* settings) {
  for (int i = 2; i < argc; i += 2) {
    const char* name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : NULL;
    if (value == NULL) return -1;
    if (strcmp(name, "--local") == 0)
      settings->local = value;
    else if (strcmp(name, "--peer") == 0)
      settings->peer = value;
    else if (strcmp(name, "--port") == 0)
      settings->port = atoi(value);
    else if (strcmp(name, "--size") == 0)
      settings->size = atoi(value);
    else if (strcmp(name, "--buffer") == 0)
      settings->buffer = atoi(value);
    else if (strcmp(name, "--warmup-ms") == 0)
      settings->warmup_ms = atoi(value);
    else if (strcmp(name, "--measure-ms") == 0)
      settings->measure_ms = atoi(value);
    else if (strcmp(name, "--user") == 0)
      settings->user = atoi(value);
    else if (strcmp(name, "--loop") == 0)
      settings->loop = atoi(value);
    else
      return -1;
  }
  return settings->size > 0 && settings->measure_ms > 0 ? 0 : -1;
}

int main(int argc, char** argv) {
  Settings settings = {
      .port = 7100, .size = 64, .buffer = kDefaultBuffer, .warmup_ms = 1000, .measure_ms = 2000};
  const char* role = argc > 1 ? argv[1] : "";
  if (ParseSettings(argc, argv, &settings) == 0) {
    if (strcmp(role, "send") == 0) {
      BecomeUser(settings.user);
      return Send(&settings);
    }
    if (strcmp(role, "receive") == 0) {
      BecomeUser(settings.user);
      return Receive(&settings);
    }
  }
  fprintf(stderr, "usage: sctp_flood receive|send --local A --peer B --port P --size N ...\n");
  return 2;
}
