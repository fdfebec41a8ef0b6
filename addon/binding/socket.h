#ifndef BACKPLANE_BINDING_SOCKET_H_
#define BACKPLANE_BINDING_SOCKET_H_

#include <napi.h>

#include <deque>
#include <initializer_list>

#include "binding/environment.h"
#include "binding/loop_state.h"
#include "kernel/option.h"
#include "kernel/receive.h"
#include "kernel/send_queue.h"
#include "kernel/socket.h"
#include "parse/assembly.h"

namespace backplane::binding {

// The JavaScript class. An open socket with handlers holds itself alive, because the kernel may
// call for it at any time; one without handlers is closed when its object is collected.
class Socket : public Napi::ObjectWrap<Socket>, public PollOwner {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Socket(const Napi::CallbackInfo& info);
  ~Socket() override;

  void OnPoll(int status, int events) override;
  void OnDeferred() override;
  void OnLater() override;
  void OnEnvironmentEnd() override;

 private:
  // How handlers are called: from the loop, or from within the method `drain`.
  enum class From : uint8_t { kLoop, kScript };

  // socket.cc: life
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value SetLimits(const Napi::CallbackInfo& info);
  Napi::Value Resume(const Napi::CallbackInfo& info);
  Napi::Value Pause(const Napi::CallbackInfo& info);
  Napi::Value Abort(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  // False, with ERR_CLOSED pending, once the socket is closed.
  bool Open(Napi::Env env) const;
  void CloseHandle();
  void ReleaseHandlers();
  void UpdatePoll();
  // Calls a handler; what it throws becomes an uncaught exception. Whether it returned true.
  bool CallHandler(From from, const char* name, std::initializer_list<napi_value> arguments);
  void AcceptAll();

  // socket_setup.cc: addresses, options, state
  Napi::Value Bind(const Napi::CallbackInfo& info);
  Napi::Value AddAddresses(const Napi::CallbackInfo& info);
  Napi::Value RemoveAddresses(const Napi::CallbackInfo& info);
  Napi::Value Listen(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value SetOption(const Napi::CallbackInfo& info);
  Napi::Value GetOption(const Napi::CallbackInfo& info);
  Napi::Value GetStatus(const Napi::CallbackInfo& info);
  Napi::Value GetPathInfo(const Napi::CallbackInfo& info);
  Napi::Value GetStatistics(const Napi::CallbackInfo& info);
  Napi::Value LocalAddresses(const Napi::CallbackInfo& info);
  Napi::Value PeerAddresses(const Napi::CallbackInfo& info);

  // socket_receive.cc
  Napi::Value Drain(const Napi::CallbackInfo& info);
  // Reads up to `rounds` rounds, and to the end once the association is over. Returns messages
  // read.
  uint32_t Receive(From from, int rounds);
  // Reads one round. False when nothing more is to be read now.
  bool ReceiveRound(From from, ReceiveContext* context, uint32_t* messages);
  void Accept(From from, ReceiveContext* context, const kernel::Piece& piece, uint32_t* messages);
  void AcceptNotification(From from, ReceiveContext* context, const kernel::Piece& piece);
  void AddNotification(From from, ReceiveContext* context, parse::Notification notification);
  void AddMessage(From from, ReceiveContext* context, parse::Bytes data,
                  const parse::ReceiveInfo& info);
  void Oversize(From from, ReceiveContext* context, size_t bytes);
  void Deliver(From from, ReceiveContext* context);
  void DeliverFrom(From from, ReceiveContext* context, napi_value slab);
  void DeliverRefused(ReceiveContext* context);
  // What the kernel still holds cannot be read for want of memory.
  void Starve();
  void End(From from);

  // socket_send.cc
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Flush(const Napi::CallbackInfo& info);
  Napi::Value Shutdown(const Napi::CallbackInfo& info);
  Napi::Value QueuedBytes(const Napi::CallbackInfo& info);
  void FlushQueue();
  void RefuseFirst(int error);
  void FinishShutdown();
  bool TakeDrained();
  void AdaptPause(size_t charged);
  size_t SendBufferBytes();

  Environment* environment_ = nullptr;
  PollHandle* handle_ = nullptr;  // null once closed
  Napi::ObjectReference handlers_;
  napi_async_context async_context_ = nullptr;
  int calls_ = 0;  // handlers of this socket that are running

  bool listening_ = false;
  bool reading_ = false;     // between resume() and pause()
  bool receiving_ = false;   // inside Receive
  bool connecting_ = false;  // connect() was called, and the association is not up yet
  bool up_ = false;
  bool over_ = false;  // nothing will come but what the kernel holds already
  bool at_eof_ = false;
  bool ended_ = false;       // onEnd was called
  bool orderly_ = false;     // a SHUTDOWN was completed
  bool finish_due_ = false;  // the end must be looked for, though no event announces it
  bool told_ = false;        // a handler was called by the Receive that is under way, or was last
  kernel::Status end_status_;

  size_t max_message_bytes_ = 16 * 1024 * 1024;
  parse::Assembly message_;
  parse::Assembly notification_;

  kernel::SendQueue queue_;
  size_t low_water_bytes_ = 1024 * 1024;
  size_t send_buffer_bytes_ = 0;  // 0: not asked yet
  bool above_low_water_ = false;
  bool drained_due_ = false;
  bool want_writable_ = false;
  int pause_ms_ = 1;
  bool blocked_ = false;  // the kernel had no room; UV_WRITABLE or OnLater follows
  bool send_over_ = false;
  bool shutdown_wanted_ = false;
  bool shutdown_done_ = false;
  std::deque<parse::Notification> refused_;
};

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_SOCKET_H_
