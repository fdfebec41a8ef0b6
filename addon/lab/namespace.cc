#include "lab/namespace.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace backplane::lab {
namespace {

constexpr char kOwnNamespace[] = "/proc/thread-self/ns/net";

// A thread of its own may go to another namespace without disturbing anyone.
template <typename Work>
void InThread(Work work) {
  std::thread(work).join();
}

Failure WriteSysctl(const std::string& path, const std::string& value) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return {"open", errno};
  const ssize_t written = write(file, value.data(), value.size());
  const Failure failure = written < 0 ? Failure{"write", errno} : Failure{};
  close(file);
  return failure;
}

}  // namespace

Failure Create(Namespace* made) {
  Failure failure;
  InThread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      failure = {"unshare", errno};
      return;
    }
    made->fd = open(kOwnNamespace, O_RDONLY | O_CLOEXEC);
    if (made->fd < 0) {
      failure = {"open", errno};
      return;
    }
    made->socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (made->socket < 0) failure = {"socket", errno};
  });
  if (failure) Close(made);
  return failure;
}

void Close(Namespace* space) {
  if (space->socket >= 0) close(space->socket);
  if (space->fd >= 0) close(space->fd);
  *space = Namespace{};
}

Failure WriteSysctls(const Namespace& space,
                     const std::vector<std::pair<std::string, std::string>>& values,
                     std::string* failed) {
  Failure failure;
  InThread([&] {
    // /proc/sys/net shows the namespace of the thread that looks.
    if (setns(space.fd, CLONE_NEWNET) != 0) {
      failure = {"setns", errno};
      return;
    }
    for (const auto& [name, value] : values) {
      const std::string path = "/proc/sys/" + name;
      failure = WriteSysctl(path, value);
      if (!failure) continue;
      *failed = path;
      return;
    }
  });
  return failure;
}

Failure Enter(int fd, int* previous) {
  *previous = open(kOwnNamespace, O_RDONLY | O_CLOEXEC);
  if (*previous < 0) return {"open", errno};
  if (setns(fd, CLONE_NEWNET) == 0) return {};
  const int error = errno;
  close(*previous);
  return {"setns", error};
}

Failure Leave(int previous) {
  const int result = setns(previous, CLONE_NEWNET);
  const int error = errno;
  close(previous);
  return result == 0 ? Failure{} : Failure{"setns", error};
}

int ProbeNamespaces() {
  int error = 0;
  InThread([&] { error = unshare(CLONE_NEWNET) == 0 ? 0 : errno; });
  return error;
}

int ProbeSctp() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
  if (probe < 0) return errno;
  close(probe);
  return 0;
}

}  // namespace backplane::lab
