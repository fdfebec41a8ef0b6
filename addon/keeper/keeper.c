// Keeps one worker: starts it, collects its output, hears what it says of itself, and tells
// whoever is connected; when it has ended, its ending is on the disk before this process ends.
//
//     backplane_keeper FOLDER [NAME]
//
// A worker outlives its controller because this is its parent. It does not outlive this: the kernel
// kills it then. What a worker leaves behind when it ends becomes this process's children, and is
// killed.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/child.h"
#include "keeper/control.h"
#include "keeper/files.h"
#include "keeper/notify.h"
#include "keeper/output.h"
#include "keeper/spec.h"

// What is polled, in this order, before the clients of both kinds.
enum {
  kAtSignals,
  kAtOutput,
  kAtFailure,
  kAtDatagrams,
  kAtNotifyListener,
  kAtControlListener,
  kFixed,
};

enum {
  // The one who started this process is connected here.
  kFirstClient = 3,
  kPolled = kFixed + kNotifyClients + kControlClients,
  // What a worker left behind is killed again so often, and for so long.
  kReapMs = 20,
  kReapMostMs = 2000,
  // An ending that could not be stored is tried again.
  kStoreAgainMs = 1000,
  // Words of the worker and counts are told no more often than this.
  kGossipMs = 200,
  // Pieces that are left in the pipe at the end.
  kLastPieces = 64,
};

struct Keeper {
  struct Spec spec;
  struct Child child;
  struct Output output;
  struct Notify notify;
  struct Control control;
  int signals;
  unsigned long long child_ticks;
  bool started;
  bool stalled;
  int signalled;
  // The worker has ended, and how; what it left may be there still.
  bool ended;
  struct Ending ending;
  long long ended_ms;
  bool alone;
  bool stored;
  long long store_ms;
  // Somebody knows the ending who will not forget it.
  bool taken;
  // When it was heard, as far as anybody can tell; beats as they were then.
  long long heard_ms;
  unsigned long long heard_beats;
  // The state as it was told last, and when.
  char told[kStateBytes];
  size_t told_length;
  long long gossip_ms;
};

static long long NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void End(struct Keeper* keeper, const char* how, int number, const char* at) {
  if (keeper->ended) return;
  keeper->ended = true;
  keeper->ending = (struct Ending){how, number, at};
  keeper->ended_ms = NowMs();
}

static void Signal(struct Keeper* keeper, int number) {
  if (keeper->ended || keeper->child.pid == 0) return;
  keeper->signalled = number;
  SignalChild(&keeper->child, number);
}

static bool TakeCommand(char* line, void* context) {
  struct Keeper* keeper = context;
  int number;
  char more;
  if (strcmp(line, "status") == 0) {
    MarkBehind(&keeper->control);
    return true;
  }
  if (strcmp(line, "taken") == 0) {
    keeper->taken = true;
    return true;
  }
  if (sscanf(line, "signal %d%c", &number, &more) != 1 || number < 1 || number > 64) return false;
  Signal(keeper, number);
  return true;
}

// Text of the worker, without what could be taken for anything else.
static void PutText(char* to, size_t size, const char* text) {
  size_t at = 0;
  for (; *text != '\0' && at + 4 < size; text++) {
    const unsigned char byte = (unsigned char)*text;
    if (byte > ' ' && byte != '%' && byte != 0x7f) {
      to[at++] = *text;
    } else {
      at += (size_t)snprintf(to + at, size - at, "%%%02x", byte);
    }
  }
  to[at] = '\0';
}

// The state in a line; what is only gossip comes last.
static size_t PutState(const struct Keeper* keeper, char* line, size_t* facts) {
  const struct Notify* notify = &keeper->notify;
  char text[3 * kStatusBytes + 1];
  PutText(text, sizeof(text), notify->status);
  const struct Ending* ending = &keeper->ending;
  int length = snprintf(line, kStateBytes, "pid=%d ticks=%llu started=%d ready=%d stalled=%d",
                        (int)keeper->child.pid, keeper->child_ticks, keeper->started, notify->ready,
                        keeper->stalled);
  length += snprintf(line + length, kStateBytes - (size_t)length, " stopping=%d signalled=%d",
                     notify->stopping, keeper->signalled);
  if (keeper->ended && keeper->alone) {
    length += snprintf(line + length, kStateBytes - (size_t)length, " ended=%s,%d,%s", ending->how,
                       ending->number, ending->at);
  }
  *facts = (size_t)length;
  length += snprintf(line + length, kStateBytes - (size_t)length, " dropped=%llu text=%s\n",
                     keeper->output.dropped, text);
  return (size_t)length;
}

// Tells what has changed.
static void Tell(struct Keeper* keeper, long long now_ms) {
  char line[kStateBytes];
  size_t facts;
  const size_t length = PutState(keeper, line, &facts);
  const bool same = length == keeper->told_length && memcmp(line, keeper->told, length) == 0;
  const bool only_gossip = facts < keeper->told_length && memcmp(line, keeper->told, facts) == 0;
  if (!same && (!only_gossip || now_ms >= keeper->gossip_ms)) {
    memcpy(keeper->told, line, length);
    keeper->told_length = length;
    keeper->gossip_ms = now_ms + kGossipMs;
    MarkBehind(&keeper->control);
  }
  TellState(&keeper->control, keeper->told, keeper->told_length);
}

// Whether the child has become the worker.
static void ReadStart(struct Keeper* keeper, long long now_ms) {
  static struct ExecFailure failure;
  const ssize_t count = read(keeper->child.failure, &failure, sizeof(failure));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close(keeper->child.failure);
  keeper->child.failure = -1;
  if (count == (ssize_t)sizeof(failure)) {
    failure.at[sizeof(failure.at) - 1] = '\0';
    End(keeper, "failed", failure.error, failure.at);
    return;
  }
  keeper->started = true;
  keeper->heard_ms = now_ms;
  keeper->child_ticks = StartTicks(keeper->child.pid);
  if (!keeper->spec.says_ready) keeper->notify.ready = true;
  StoreState(keeper->child.pid);
}

static void Reap(struct Keeper* keeper, long long now_ms) {
  siginfo_t info = {0};
  const pid_t worker = keeper->child.pid;
  if (!keeper->ended && waitid(P_PID, (id_t)worker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == worker && worker != 0) {
    // It may have said why it ends.
    if (keeper->child.failure >= 0) ReadStart(keeper, now_ms);
    // As long as it is not reaped, nobody else's group can have its number.
    kill(-worker, SIGKILL);
  }
  for (;;) {
    int status;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == ECHILD) keeper->alone = worker != 0;
    if (pid <= 0) return;
    if (pid != worker) continue;
    if (WIFSIGNALED(status)) End(keeper, "signal", WTERMSIG(status), "-");
    if (WIFEXITED(status)) End(keeper, "code", WEXITSTATUS(status), "-");
  }
}

static void ReadSignals(struct Keeper* keeper) {
  struct signalfd_siginfo info;
  while (read(keeper->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
    // Whoever ends this process means the worker.
    if (info.ssi_signo != SIGCHLD) Signal(keeper, SIGTERM);
  }
}

// Silence counts from when the worker was ready, and from its last beat.
static void Judge(struct Keeper* keeper, long long now_ms) {
  struct Notify* notify = &keeper->notify;
  const bool beat = notify->beats != keeper->heard_beats;
  if (beat || !notify->ready) {
    keeper->heard_ms = now_ms;
    keeper->heard_beats = notify->beats;
    if (beat) keeper->stalled = false;
  }
  if (keeper->spec.beat_ms > 0 && keeper->started) {
    if (now_ms - keeper->heard_ms >= keeper->spec.beat_ms) keeper->stalled = true;
  }
  if (notify->stalled) keeper->stalled = true;
  notify->stalled = false;
}

// When something has to be done though nothing comes; -1: never.
static int WaitMs(const struct Keeper* keeper, long long now_ms) {
  long long at_ms = -1;
  if (keeper->ended) {
    at_ms = keeper->alone ? keeper->store_ms : now_ms + kReapMs;
  } else if (keeper->started && !keeper->stalled && keeper->spec.beat_ms > 0) {
    at_ms = keeper->heard_ms + keeper->spec.beat_ms;
  }
  char line[kStateBytes];
  size_t facts;
  const size_t length = PutState(keeper, line, &facts);
  if (length != keeper->told_length || memcmp(line, keeper->told, length) != 0) {
    if (at_ms < 0 || keeper->gossip_ms < at_ms) at_ms = keeper->gossip_ms;
  }
  if (at_ms < 0) return -1;
  return at_ms <= now_ms ? 0 : (int)(at_ms - now_ms < 60000 ? at_ms - now_ms : 60000);
}

static void FillPolled(struct Keeper* keeper, struct pollfd* polled) {
  const int fixed[kFixed] = {
      [kAtSignals] = keeper->signals,
      [kAtOutput] = keeper->output.pipe,
      [kAtFailure] = keeper->child.failure,
      [kAtDatagrams] = keeper->notify.datagrams,
      [kAtNotifyListener] = keeper->notify.listener,
      [kAtControlListener] = keeper->control.listener,
  };
  struct pollfd* at = polled;
  for (int i = 0; i < kFixed; i++) *at++ = (struct pollfd){.fd = fixed[i], .events = POLLIN};
  for (int i = 0; i < kNotifyClients; i++) {
    *at++ = (struct pollfd){.fd = keeper->notify.clients[i].socket, .events = POLLIN};
  }
  for (int i = 0; i < kControlClients; i++) {
    const struct ControlClient* client = &keeper->control.clients[i];
    const short out = client->rest_length > 0 ? POLLOUT : 0;
    *at++ = (struct pollfd){.fd = client->lines.socket, .events = (short)(POLLIN | out)};
  }
}

// Reads what has come, in the order of what it means for what comes after.
static void Serve(struct Keeper* keeper, const struct pollfd* polled, long long now_ms) {
  if (polled[kAtFailure].revents != 0) ReadStart(keeper, now_ms);
  if (polled[kAtOutput].revents != 0) MoveOutput(&keeper->output);
  if (polled[kAtDatagrams].revents != 0) ReadDatagrams(&keeper->notify);
  for (int i = 0; i < kNotifyClients; i++) {
    if (polled[kFixed + i].revents != 0) ReadNotify(&keeper->notify, &keeper->notify.clients[i]);
  }
  for (int i = 0; i < kControlClients; i++) {
    struct ControlClient* client = &keeper->control.clients[i];
    if ((polled[kFixed + kNotifyClients + i].revents & ~POLLOUT) == 0) continue;
    if (!ReadLines(&client->lines, TakeCommand, keeper)) DropClient(client);
  }
  if (polled[kAtNotifyListener].revents != 0) AcceptNotify(&keeper->notify);
  if (polled[kAtControlListener].revents != 0) AcceptControl(&keeper->control);
  if (polled[kAtSignals].revents != 0) ReadSignals(keeper);
  Reap(keeper, now_ms);
}

// What is to be done after the worker's end. True: nothing is left.
static bool Finish(struct Keeper* keeper, long long now_ms) {
  if (!keeper->ended) return false;
  if (!keeper->alone) {
    KillChildren();
    Reap(keeper, now_ms);
    // One that the kernel does not let go of keeps nobody else.
    if (now_ms - keeper->ended_ms >= kReapMostMs) keeper->alone = true;
    if (!keeper->alone) return false;
  }
  if (!keeper->stored && now_ms >= keeper->store_ms) {
    for (int i = 0; i < kLastPieces && MoveOutput(&keeper->output); i++) continue;
    const int failure = StoreEnding(&keeper->ending, keeper->signalled);
    // Without its folder nobody would ever find it.
    keeper->stored = failure == 0 || failure == ENOENT;
    keeper->store_ms = now_ms + kStoreAgainMs;
  }
  return keeper->stored || keeper->taken;
}

static void Run(struct Keeper* keeper) {
  struct pollfd polled[kPolled];
  for (;;) {
    const long long before_ms = NowMs();
    if (Finish(keeper, before_ms)) break;
    Tell(keeper, before_ms);
    FillPolled(keeper, polled);
    const int wait_ms = WaitMs(keeper, before_ms);
    if (poll(polled, kPolled, wait_ms) < 0) {
      for (int i = 0; i < kPolled; i++) polled[i].revents = 0;
    }
    const long long now_ms = NowMs();
    // Had this process not run, the worker perhaps had not either.
    const long long late_ms = wait_ms < 0 ? 0 : now_ms - before_ms - wait_ms;
    if (late_ms > keeper->spec.beat_ms / 4) keeper->heard_ms += late_ms;
    Serve(keeper, polled, now_ms);
    Judge(keeper, now_ms);
  }
  Tell(keeper, NowMs());
  unlink("control");
  unlink("notify");
  unlink("notify.stream");
}

static int OpenSignals(void) {
  sigset_t watched;
  sigemptyset(&watched);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  // What they say is said by write, too.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGHUP);
  sigprocmask(SIG_SETMASK, &watched, NULL);
  return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

// The one who started this process, or -1; whatever else it left open is closed.
static int FirstClient(void) {
  struct stat status;
  const bool there = fstat(kFirstClient, &status) == 0 && S_ISSOCK(status.st_mode);
  for (int each = there ? kFirstClient + 1 : kFirstClient; each < 256; each++) close(each);
  if (!there) return -1;
  fcntl(kFirstClient, F_SETFD, FD_CLOEXEC);
  fcntl(kFirstClient, F_SETFL, O_NONBLOCK);
  return kFirstClient;
}

// Both have the same: a worker that writes waits for whoever reads its pipe.
static int BecomeAsNice(const struct Spec* spec) {
  if (setpriority(PRIO_PROCESS, 0, spec->nice) == 0 || !spec->has_nice) return 0;
  return errno;
}

// A process that begins is in the group of the one that began it.
static int JoinCgroup(const char* cgroup) {
  if (cgroup == NULL) return 0;
  const int file = open(cgroup, O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  // The process that writes it.
  const int failure = WriteAll(file, "0", 1) ? 0 : errno;
  close(file);
  return failure;
}

// All that comes before the worker. What goes wrong is how it ended.
static void Begin(struct Keeper* keeper, const char* name) {
  int failure = ReadSpec(name, &keeper->spec);
  if (failure != 0) return End(keeper, "failed", failure, "spec");
  failure = BecomeAsNice(&keeper->spec);
  if (failure != 0) return End(keeper, "failed", failure, "nice");
  failure = JoinCgroup(keeper->spec.cgroup);
  if (failure != 0) return End(keeper, "failed", failure, "cgroup");
  failure = ReserveEnding();
  if (failure != 0) return End(keeper, "failed", failure, "disk");
  failure = OpenNotify(&keeper->notify, keeper->spec.user);
  if (failure != 0) return End(keeper, "failed", failure, "notify");
  failure = StartChild(&keeper->spec, &keeper->child);
  if (failure != 0) return End(keeper, "failed", failure, "fork");
  OpenOutput(&keeper->output, &keeper->spec, keeper->child.output);
}

int main(int argc, char** argv) {
  if (argc < 2 || chdir(argv[1]) != 0) {
    fprintf(stderr, "usage: %s FOLDER [NAME]\n", argv[0]);
    return 2;
  }
  static struct Keeper keeper;
  keeper.child.failure = keeper.output.pipe = -1;
  keeper.notify.datagrams = keeper.notify.listener = -1;
  for (int i = 0; i < kNotifyClients; i++) keeper.notify.clients[i].socket = -1;
  const int first = FirstClient();
  setsid();
  umask(077);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  keeper.signals = OpenSignals();
  // There before anybody can know of this keeper.
  if (keeper.signals < 0 || OpenControl(&keeper.control, first) != 0) return 1;
  char name[kNameBytes];
  if (TakeSpec(name) != 0) return 1;
  Begin(&keeper, name);
  if (keeper.child.pid == 0) keeper.alone = true;
  Run(&keeper);
  free(keeper.spec.bytes);
  return 0;
}
