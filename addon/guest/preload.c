/*
 * Loaded into the kernel of the guest, an ordinary process, before libc.
 *
 * User Mode Linux sets the floating point registers of its processes by
 * ptrace(PTRACE_SETREGSET, NT_X86_XSTATE) with a buffer of its own, fixed size: AVX-512 and the
 * protection keys fit into it. A host whose processors have AMX too refuses that with EFAULT,
 * because it takes the state whole or not at all (xstateregs_set, arch/x86/kernel/fpu/regset.c),
 * and the guest dies on entering its first process. What lies beyond the buffer is the state of
 * parts that no process of the guest can use: AMX has to be asked for (arch_prctl(2),
 * ARCH_REQ_XCOMP_PERM), and the guest passes no such request on. So the buffer is made as long as
 * the host wants it, with zeros; the header, inside it, says that they stand for nothing.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(enum __ptrace_request, pid_t, void*, void*);

static ptrace_function next;
/* The kernel of the guest is one thread; no host's state is longer (x86: 11,008 bytes with AMX). */
static _Alignas(64) char state[64 * 1024];
/* What the host takes, asked once: all processors of a host are alike. 0: not yet known. */
static size_t host_size;

__attribute__((constructor)) static void resolve(void) {
  next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
}

static size_t ask_host_size(pid_t pid) {
  struct iovec whole = {.iov_base = state, .iov_len = sizeof state};
  const long result = next(PTRACE_GETREGSET, pid, (void*)NT_X86_XSTATE, &whole);
  memset(state, 0, sizeof state);
  return result < 0 ? 0 : whole.iov_len;
}

static long set_state(pid_t pid, const struct iovec* given) {
  if (host_size == 0) host_size = ask_host_size(pid);
  struct iovec padded = *given;
  if (given->iov_len < host_size) {
    memcpy(state, given->iov_base, given->iov_len);
    padded = (struct iovec){.iov_base = state, .iov_len = host_size};
  }
  return next(PTRACE_SETREGSET, pid, (void*)NT_X86_XSTATE, &padded);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  const pid_t pid = va_arg(arguments, pid_t);
  void* address = va_arg(arguments, void*);
  void* data = va_arg(arguments, void*);
  va_end(arguments);
  if (request == PTRACE_SETREGSET && (size_t)address == NT_X86_XSTATE) return set_state(pid, data);
  return next(request, pid, address, data);
}
