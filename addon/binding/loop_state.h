#ifndef BACKPLANE_BINDING_LOOP_STATE_H_
#define BACKPLANE_BINDING_LOOP_STATE_H_

#include <node_api.h>
#include <uv.h>

#include <memory>
#include <unordered_set>
#include <vector>

#include "kernel/socket.h"

namespace backplane::binding {

class LoopState;

// Whoever is told about a socket's readiness.
class PollOwner {
 public:
  virtual ~PollOwner() = default;
  // `status` below 0: libuv met POLLERR and has stopped polling.
  virtual void OnPoll(int status, int events) = 0;
  // What was asked for by PollHandle::Defer.
  virtual void OnDeferred() = 0;
  // What was asked for by PollHandle::Later.
  virtual void OnLater() = 0;
  // The environment ends: drop the handle, which is being closed; no JavaScript may run any more.
  virtual void OnEnvironmentEnd() = 0;
};

// A socket together with its uv_poll handle. It outlives its owner until libuv has let go of the
// descriptor, because closing the descriptor earlier would let the kernel give its number to
// another.
class PollHandle {
 public:
  // On failure (a negative libuv error) nothing is left behind, and the socket is closed.
  static int Create(std::shared_ptr<LoopState> loop, kernel::Socket socket, PollOwner* owner,
                    PollHandle** handle);

  kernel::Socket& socket() { return socket_; }
  // UV_READABLE and UV_WRITABLE, or 0 to stop.
  void Poll(int events);
  // Forgets what is polled, for when libuv has stopped by itself.
  void Stopped() { events_ = 0; }
  // Runs the owner's OnDeferred in the next iteration of the loop.
  void Defer();
  // Runs the owner's OnLater after about `delay_ms`.
  void Later(uint64_t delay_ms);
  // The owner hears nothing more; the handle deletes itself.
  void Close();

 private:
  friend class LoopState;
  friend class DeferredHandles;
  friend class ReadyHandles;
  PollHandle(std::shared_ptr<LoopState> loop, kernel::Socket socket, PollOwner* owner);
  ~PollHandle() = default;
  static void OnClosed(uv_handle_t* handle);

  std::shared_ptr<LoopState> loop_;
  kernel::Socket socket_;
  PollOwner* owner_;
  uv_poll_t poll_{};
  uv_timer_t timer_{};
  int events_ = 0;
  bool ready_ = false;  // what libuv found, until the owner is told
  int ready_status_ = 0;
  int ready_events_ = 0;
  int unclosed_ = 2;  // of the two libuv handles
};

// Handles whose owners are called in the next iteration of the loop, each at most once.
class DeferredHandles {
 public:
  int Init(uv_loop_t* loop, LoopState* owner);
  void Add(PollHandle* handle);
  void Forget(PollHandle* handle);
  // Nothing is called any more; `closed` is, once libuv has let go of the timer.
  void Close(uv_close_cb closed);

 private:
  void Run();

  uv_timer_t timer_{};
  LoopState* owner_ = nullptr;
  std::vector<PollHandle*> waiting_;
  std::vector<PollHandle*> running_;
};

// Handles that one iteration of the loop found ready. Their owners are told after polling, many in
// one turn of JavaScript: its ticks and promises run once for all of them, and what is read or
// sent once in a turn, as the clock is, once for all of them too.
class ReadyHandles {
 public:
  // False: the environment can make no async context.
  bool Init(napi_env env, uv_loop_t* loop, LoopState* owner);
  void Add(PollHandle* handle, int status, int events);
  void Forget(PollHandle* handle);
  // Nothing is called any more; `closed` is, once libuv has let go of the handle.
  void Close(uv_close_cb closed);

 private:
  // What the first socket's messages lead to waits for no more sockets than these.
  static constexpr size_t kHandlesPerTurn = 64;

  void Run();
  void Turn(size_t begin, size_t end);

  napi_env env_ = nullptr;
  napi_async_context context_ = nullptr;
  uv_check_t check_{};
  LoopState* owner_ = nullptr;
  std::vector<PollHandle*> ready_;
  std::vector<PollHandle*> running_;
};

// The libuv side of one environment. It is shared by its handles, which may be closed only after
// everything that belongs to Node-API is gone.
class LoopState : public std::enable_shared_from_this<LoopState> {
 public:
  // Registers the environment's cleanup hook.
  static std::shared_ptr<LoopState> Create(napi_env env);

  uv_loop_t* loop() const { return loop_; }

 private:
  friend class PollHandle;
  friend class DeferredHandles;
  friend class ReadyHandles;

  static void OnCleanup(napi_async_cleanup_hook_handle hook, void* data);
  void Forget(PollHandle* handle);
  void HandleClosed();

  uv_loop_t* loop_ = nullptr;
  DeferredHandles deferred_;
  ReadyHandles ready_;
  std::unordered_set<PollHandle*> open_;
  // The cleanup hook's share: the environment's data may be gone before the last handle is.
  std::shared_ptr<LoopState> self_;
  size_t unclosed_ = 0;  // handles that libuv has not let go of yet
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool ending_ = false;
};

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_LOOP_STATE_H_
