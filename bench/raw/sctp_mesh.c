// One host's share of a full mesh over kernel SCTP in plain C: what the kernel itself takes for the
// associations of `lab mesh`, when nothing of ours is in the way. No handshake, no encryption; the
// timers are those of profile `mesh`.
//
//   sctp_mesh --host I --hosts N --nodes N --port P A1 B1 A2 B2 ...
//
// The addresses are those of all hosts, two each; host I has nodes at the ports from P on, and
// dials from each the nodes of greater number. It obeys lines on standard input and answers:
//
//   {"ready":true}     at once: it listens
//   join       {"joined":true} when each of its nodes has an association with all others
//   beat MS    {"beating":true}; from then on each end sends 40 bytes every MS milliseconds, a
//              twentieth of them at a time
//   stop       an association that ends is no failure any more
//
// It ends with its input.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

// Associations being made at a time, as a node has at most.
enum { kPlanes = 2, kMaxHosts = 64, kMaxEnds = 65536, kDials = 16, kEvents = 64, kGrains = 20 };
enum { kBeatBytes = 40, kBuffer = 256 * 1024 };

static struct sockaddr_in addresses[kMaxHosts][kPlanes];
static int host, hosts, nodes, port;
static int epoll_fd, timer_fd = -1;
static int listeners[kMaxEnds], ends[kMaxEnds], listener_count, end_count, dialling, joined;
static int stopping;
// The next pair to be dialled: a node here, and one of greater number.
static int from_node, to_node;

static void Fail(const char* what) {
  fprintf(stderr, "sctp_mesh: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void Say(const char* word) {
  printf("{\"%s\":true}\n", word);
  fflush(stdout);
}

static void Set(int fd, int option, const void* value, socklen_t length) {
  if (setsockopt(fd, IPPROTO_SCTP, option, value, length) < 0) Fail("setsockopt");
}

static void Watch(int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) Fail("epoll_ctl");
}

// A socket with the timers of profile `mesh`, bound to this host's addresses.
static int Open(int bound_port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
  if (fd < 0) Fail("socket");
  const int on = 1, buffer = kBuffer;
  const struct sctp_rtoinfo rto = {.srto_initial = 300, .srto_min = 150, .srto_max = 600};
  const struct sctp_assocparams association = {.sasoc_asocmaxrxt = 200};
  const struct sctp_paddrparams path = {
      .spp_hbinterval = 2000, .spp_pathmaxrxt = 4, .spp_flags = SPP_HB_ENABLE};
  const struct sctp_sack_info sack = {.sack_delay = 50, .sack_freq = 2};
  const struct sctp_initmsg init = {.sinit_num_ostreams = 64,
                                    .sinit_max_instreams = 64,
                                    .sinit_max_attempts = 5,
                                    .sinit_max_init_timeo = 2000};
  Set(fd, SCTP_RTOINFO, &rto, sizeof rto);
  Set(fd, SCTP_ASSOCINFO, &association, sizeof association);
  Set(fd, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
  Set(fd, SCTP_DELAYED_SACK, &sack, sizeof sack);
  Set(fd, SCTP_INITMSG, &init, sizeof init);
  Set(fd, SCTP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  struct sockaddr_in own[kPlanes];
  for (int plane = 0; plane < kPlanes; plane++) {
    own[plane] = addresses[host][plane];
    own[plane].sin_port = htons((uint16_t)bound_port);
  }
  Set(fd, SCTP_SOCKOPT_BINDX_ADD, own, sizeof own);
  return fd;
}

static void Up(int fd) {
  ends[end_count++] = fd;
  if (!joined && end_count == nodes * (hosts * nodes - 1)) {
    joined = 1;
    Say("joined");
  }
}

static void Dial(void) {
  while (dialling < kDials && from_node < nodes) {
    const int own = host * nodes + from_node;
    if (to_node <= own) to_node = own + 1;
    if (to_node == hosts * nodes) {
      from_node++;
      to_node = 0;
      continue;
    }
    struct sockaddr_in peer[kPlanes];
    for (int plane = 0; plane < kPlanes; plane++) {
      peer[plane] = addresses[to_node / nodes][plane];
      peer[plane].sin_port = htons((uint16_t)(port + to_node % nodes));
    }
    to_node++;
    const int fd = Open(0);
    struct sctp_getaddrs_old request = {.addr_num = sizeof peer, .addrs = (struct sockaddr*)peer};
    socklen_t length = sizeof request;
    if (getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &request, &length) < 0 &&
        errno != EINPROGRESS) {
      Fail("connect");
    }
    // Edge-triggered: writable once, when it is up, and readable from then on.
    Watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    dialling++;
  }
}

static void AcceptAll(int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN) return;
      Fail("accept");
    }
    Watch(fd, EPOLLIN);
    Up(fd);
  }
}

static void ReadAll(int fd) {
  static char data[4096];
  // One call more, to hear that there is nothing, is what this saves itself.
  const ssize_t length = recv(fd, data, sizeof data, MSG_DONTWAIT);
  if (length > 0 || (length < 0 && errno == EAGAIN)) return;
  if (stopping) exit(0);
  Fail("association lost");
}

static void Beat(int ms) {
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const long ns = ms * 1000000L / kGrains;
  const struct timespec every = {ns / 1000000000L, ns % 1000000000L};
  const struct itimerspec times = {.it_interval = every, .it_value = every};
  if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &times, NULL) < 0) Fail("timer");
  Watch(timer_fd, EPOLLIN);
  Say("beating");
}

static void SendBeats(void) {
  static int grain;
  static const char beat[kBeatBytes];
  uint64_t times;
  if (read(timer_fd, &times, sizeof times) < 0) return;
  for (int i = grain; i < end_count; i += kGrains) {
    if (send(ends[i], beat, sizeof beat, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) Fail("send");
  }
  grain = (grain + 1) % kGrains;
}

static void Obey(void) {
  char line[64];
  const ssize_t length = read(0, line, sizeof line - 1);
  if (length <= 0) exit(0);
  line[length] = 0;
  if (strncmp(line, "join", 4) == 0) Dial();
  if (strncmp(line, "beat ", 5) == 0) Beat(atoi(line + 5));
  if (strncmp(line, "stop", 4) == 0) stopping = 1;
}

static int IsListener(int fd) { return fd >= listeners[0] && fd <= listeners[listener_count - 1]; }

static void Arguments(int count, char** words) {
  int at = 1;
  for (; at + 1 < count && strncmp(words[at], "--", 2) == 0; at += 2) {
    const int value = atoi(words[at + 1]);
    if (strcmp(words[at], "--host") == 0) host = value;
    if (strcmp(words[at], "--hosts") == 0) hosts = value;
    if (strcmp(words[at], "--nodes") == 0) nodes = value;
    if (strcmp(words[at], "--port") == 0) port = value;
  }
  if (hosts < 1 || hosts > kMaxHosts || count - at != hosts * kPlanes) {
    fprintf(stderr, "sctp_mesh: two addresses for each host\n");
    exit(2);
  }
  for (int i = 0; i < hosts * kPlanes; i++) {
    struct sockaddr_in* address = &addresses[i / kPlanes][i % kPlanes];
    address->sin_family = AF_INET;
    if (inet_pton(AF_INET, words[at + i], &address->sin_addr) != 1) Fail(words[at + i]);
  }
}

int main(int count, char** words) {
  Arguments(count, words);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (int node = 0; node < nodes; node++) {
    const int fd = Open(port + node);
    if (listen(fd, 1024) < 0) Fail("listen");
    listeners[listener_count++] = fd;
    Watch(fd, EPOLLIN);
  }
  Watch(0, EPOLLIN);
  Say("ready");
  for (;;) {
    struct epoll_event events[kEvents];
    const int ready = epoll_wait(epoll_fd, events, kEvents, -1);
    for (int i = 0; i < ready; i++) {
      const int fd = events[i].data.fd;
      if (fd == 0) {
        Obey();
      } else if (fd == timer_fd) {
        SendBeats();
      } else if (IsListener(fd)) {
        AcceptAll(fd);
      } else if ((events[i].events & EPOLLOUT) != 0) {
        // Up: from now on only what can be read counts.
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0) Fail("epoll_ctl");
        dialling--;
        Up(fd);
        Dial();
      } else {
        ReadAll(fd);
      }
    }
  }
}
