#include "keeper/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/files.h"

static _Noreturn void Fail(int report, int error, const char* at) {
  struct ExecFailure failure = {.error = error};
  snprintf(failure.at, sizeof(failure.at), "%s", at);
  WriteAll(report, (const char*)&failure, sizeof(failure));
  _exit(127);
}

static void BecomeUser(const char* name, int report) {
  errno = 0;
  const struct passwd* user = getpwnam(name);
  if (user == NULL) Fail(report, errno == 0 ? ENOENT : errno, "user");
  // A keeper that is no other than this user need not change, and could not.
  if (geteuid() != user->pw_uid || getegid() != user->pw_gid) {
    if (initgroups(name, user->pw_gid) != 0) Fail(report, errno, "initgroups");
    if (setgid(user->pw_gid) != 0) Fail(report, errno, "setgid");
    if (setuid(user->pw_uid) != 0) Fail(report, errno, "setuid");
  }
  setenv("HOME", user->pw_dir, 0);
  setenv("USER", name, 0);
  setenv("LOGNAME", name, 0);
}

static void UseStreams(int output, int report) {
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) Fail(report, errno, "stdin");
  if (nothing > STDERR_FILENO) close(nothing);
  if (dup2(output, STDOUT_FILENO) < 0) Fail(report, errno, "stdout");
  if (dup2(output, STDERR_FILENO) < 0) Fail(report, errno, "stderr");
}

static _Noreturn void BecomeWorker(const struct Spec* spec, pid_t keeper, int output, int report) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  UseStreams(output, report);
  clearenv();
  for (char* const* each = spec->variables; *each != NULL; each++) putenv(*each);
  for (size_t i = 0; i < spec->limit_count; i++) {
    const struct rlimit limit = {spec->limits[i].value, spec->limits[i].value};
    if (setrlimit(spec->limits[i].resource, &limit) != 0) Fail(report, errno, "setrlimit");
  }
  umask(022);
  if (spec->user != NULL) BecomeUser(spec->user, report);
  if (spec->folder != NULL && chdir(spec->folder) != 0) Fail(report, errno, "chdir");
  // After the user: to change it takes this back. The keeper may have ended before it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) Fail(report, errno, "prctl");
  if (getppid() != keeper) _exit(127);
  execvp(spec->arguments[0], spec->arguments);
  Fail(report, errno, "exec");
}

int StartChild(const struct Spec* spec, struct Child* child) {
  int output[2];
  int report[2];
  if (pipe2(output, O_CLOEXEC) != 0) return errno;
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  const pid_t keeper = getpid();
  const pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) BecomeWorker(spec, keeper, output[1], report[1]);
  close(output[1]);
  close(report[1]);
  fcntl(output[0], F_SETFL, O_NONBLOCK);
  fcntl(report[0], F_SETFL, O_NONBLOCK);
  *child = (struct Child){.pid = pid, .output = output[0], .failure = report[0]};
  return 0;
}

void SignalChild(const struct Child* child, int number) {
  // Before it has a group of its own, it is alone.
  if (kill(-child->pid, number) != 0 && errno == ESRCH) kill(child->pid, number);
}

// The parent of a process, or 0.
static pid_t ParentOf(const char* pid) {
  char path[300];
  char text[1024];
  snprintf(path, sizeof(path), "/proc/%s/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t count = read(file, text, sizeof(text) - 1);
  close(file);
  if (count <= 0) return 0;
  text[count] = '\0';
  int parent = 0;
  const char* at = strrchr(text, ')');
  if (at == NULL || sscanf(at, ") %*c %d", &parent) != 1) return 0;
  return (pid_t)parent;
}

void KillChildren(void) {
  DIR* processes = opendir("/proc");
  if (processes == NULL) return;
  const pid_t self = getpid();
  for (struct dirent* each; (each = readdir(processes)) != NULL;) {
    if (each->d_name[0] < '1' || each->d_name[0] > '9') continue;
    if (ParentOf(each->d_name) == self) kill((pid_t)atoi(each->d_name), SIGKILL);
  }
  closedir(processes);
}
