// Network namespaces without a name: they live as long as a descriptor, a process or a device needs
// them.
#ifndef BACKPLANE_ADDON_LAB_NAMESPACE_H_
#define BACKPLANE_ADDON_LAB_NAMESPACE_H_

#include <string>
#include <utility>
#include <vector>

#include "lab/netlink.h"

namespace backplane::lab {

// One namespace: `fd` keeps it alive, `socket` is route netlink inside it. Both are -1 once closed.
struct Namespace {
  int fd = -1;
  int socket = -1;
};

// Makes one; this thread stays where it is.
Failure Create(Namespace* made);
void Close(Namespace* space);

// Writes files under /proc/sys as they are in the namespace. `failed`, where there is a failure, is
// its path.
Failure WriteSysctls(const Namespace& space,
                     const std::vector<std::pair<std::string, std::string>>& values,
                     std::string* failed);

// Moves this thread into the namespace `fd`; `previous` gets a descriptor of where it was.
Failure Enter(int fd, int* previous);
// Moves this thread back, and closes `previous`.
Failure Leave(int previous);

// Whether this process may make namespaces, and whether this kernel makes SCTP sockets. Zero: yes.
int ProbeNamespaces();
int ProbeSctp();

}  // namespace backplane::lab

#endif  // BACKPLANE_ADDON_LAB_NAMESPACE_H_
