#include "binding/loop_state.h"

#include <algorithm>
#include <utility>

namespace backplane::binding {

PollHandle::PollHandle(std::shared_ptr<LoopState> loop, kernel::Socket socket, PollOwner* owner)
    : loop_(std::move(loop)), socket_(std::move(socket)), owner_(owner) {}

int PollHandle::Create(std::shared_ptr<LoopState> loop, kernel::Socket socket, PollOwner* owner,
                       PollHandle** handle) {
  auto* created = new PollHandle(std::move(loop), std::move(socket), owner);
  const int error = uv_poll_init(created->loop_->loop(), &created->poll_, created->socket_.fd());
  if (error < 0) {
    delete created;
    return error;
  }
  // Initialising a timer cannot fail.
  (void)uv_timer_init(created->loop_->loop(), &created->timer_);
  created->poll_.data = created->timer_.data = created;
  created->loop_->open_.insert(created);
  created->loop_->unclosed_++;
  *handle = created;
  return 0;
}

void PollHandle::Poll(int events) {
  if (events == events_) return;
  events_ = events;
  if (events == 0) {
    uv_poll_stop(&poll_);
    return;
  }
  uv_poll_start(&poll_, events, [](uv_poll_t* poll, int status, int ready) {
    auto* self = static_cast<PollHandle*>(poll->data);
    self->loop_->ready_.Add(self, status, ready);
  });
}

void PollHandle::Defer() { loop_->deferred_.Add(this); }

void PollHandle::Later(uint64_t delay_ms) {
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        auto* self = static_cast<PollHandle*>(timer->data);
        if (self->owner_ != nullptr) self->owner_->OnLater();
      },
      delay_ms, 0);
}

void PollHandle::Close() {
  if (owner_ == nullptr) return;
  owner_ = nullptr;
  loop_->Forget(this);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
}

void PollHandle::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<PollHandle*>(handle->data);
  if (--self->unclosed_ > 0) return;
  const std::shared_ptr<LoopState> loop = self->loop_;
  delete self;  // closes the descriptor
  loop->HandleClosed();
}

int DeferredHandles::Init(uv_loop_t* loop, LoopState* owner) {
  owner_ = owner;
  timer_.data = this;
  return uv_timer_init(loop, &timer_);
}

void DeferredHandles::Add(PollHandle* handle) {
  if (std::find(waiting_.begin(), waiting_.end(), handle) != waiting_.end()) return;
  waiting_.push_back(handle);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_)) != 0) return;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<DeferredHandles*>(timer->data)->Run(); }, 0, 0);
}

void DeferredHandles::Run() {
  const std::shared_ptr<LoopState> keep = owner_->shared_from_this();
  running_.swap(waiting_);
  // By index: an owner may close any handle of the list, which then becomes null.
  for (size_t i = 0; i < running_.size(); i++) {
    if (running_[i] != nullptr) running_[i]->owner_->OnDeferred();
  }
  running_.clear();
}

void DeferredHandles::Forget(PollHandle* handle) {
  std::replace(running_.begin(), running_.end(), handle, static_cast<PollHandle*>(nullptr));
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), handle), waiting_.end());
}

void DeferredHandles::Close(uv_close_cb closed) {
  timer_.data = owner_;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

bool ReadyHandles::Init(napi_env env, uv_loop_t* loop, LoopState* owner) {
  env_ = env;
  owner_ = owner;
  // Initialising and starting cannot fail. It does not keep the loop alive.
  (void)uv_check_init(loop, &check_);
  check_.data = this;
  (void)uv_check_start(&check_,
                       [](uv_check_t* check) { static_cast<ReadyHandles*>(check->data)->Run(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
  napi_value name;
  return napi_create_string_utf8(env, "BACKPLANE_TURN", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env, nullptr, name, &context_) == napi_ok;
}

void ReadyHandles::Add(PollHandle* handle, int status, int events) {
  handle->ready_status_ = status;
  handle->ready_events_ |= events;
  // An iteration that finds very many polls again, and finds the same.
  if (handle->ready_) return;
  handle->ready_ = true;
  ready_.push_back(handle);
}

void ReadyHandles::Run() {
  if (ready_.empty()) return;
  const std::shared_ptr<LoopState> keep = owner_->shared_from_this();
  running_.swap(ready_);
  for (size_t begin = 0; begin < running_.size(); begin += kHandlesPerTurn) {
    Turn(begin, std::min(begin + kHandlesPerTurn, running_.size()));
  }
  running_.clear();
}

void ReadyHandles::Turn(size_t begin, size_t end) {
  napi_handle_scope handles = nullptr;
  napi_value resource = nullptr;
  napi_callback_scope turn = nullptr;
  (void)napi_open_handle_scope(env_, &handles);
  // Without a scope each is told in a turn of its own, which is as well where there is but one.
  if (end - begin > 1 && napi_get_global(env_, &resource) == napi_ok) {
    (void)napi_open_callback_scope(env_, resource, context_, &turn);
  }
  // By index: an owner may close any handle of the list, which then becomes null.
  for (size_t i = begin; i < end; i++) {
    PollHandle* handle = running_[i];
    if (handle == nullptr) continue;
    handle->ready_ = false;
    handle->owner_->OnPoll(handle->ready_status_, std::exchange(handle->ready_events_, 0));
  }
  if (turn != nullptr) (void)napi_close_callback_scope(env_, turn);
  (void)napi_close_handle_scope(env_, handles);
}

void ReadyHandles::Forget(PollHandle* handle) {
  std::replace(running_.begin(), running_.end(), handle, static_cast<PollHandle*>(nullptr));
  ready_.erase(std::remove(ready_.begin(), ready_.end(), handle), ready_.end());
}

void ReadyHandles::Close(uv_close_cb closed) {
  if (context_ != nullptr) (void)napi_async_destroy(env_, context_);
  check_.data = owner_;
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), closed);
}

std::shared_ptr<LoopState> LoopState::Create(napi_env env) {
  auto state = std::make_shared<LoopState>();
  if (napi_get_uv_event_loop(env, &state->loop_) != napi_ok) return nullptr;
  // Initialising a timer cannot fail.
  (void)state->deferred_.Init(state->loop_, state.get());
  const bool is_usable = state->ready_.Init(env, state->loop_, state.get());
  state->unclosed_ = 2;
  state->self_ = state;
  if (!is_usable ||
      napi_add_async_cleanup_hook(env, OnCleanup, state.get(), &state->hook_) != napi_ok) {
    OnCleanup(nullptr, state.get());
    return nullptr;
  }
  return state;
}

void LoopState::OnCleanup(napi_async_cleanup_hook_handle hook, void* data) {
  auto* self = static_cast<LoopState*>(data);
  self->hook_ = hook;
  self->ending_ = true;
  const std::unordered_set<PollHandle*> open = self->open_;
  for (PollHandle* handle : open) {
    handle->owner_->OnEnvironmentEnd();
    handle->Close();
  }
  const uv_close_cb closed = [](uv_handle_t* handle) {
    static_cast<LoopState*>(handle->data)->HandleClosed();
  };
  self->deferred_.Close(closed);
  self->ready_.Close(closed);
}

void LoopState::Forget(PollHandle* handle) {
  open_.erase(handle);
  deferred_.Forget(handle);
  ready_.Forget(handle);
}

void LoopState::HandleClosed() {
  unclosed_--;
  if (!ending_ || unclosed_ != 0) return;
  const std::shared_ptr<LoopState> last = std::move(self_);
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
}

}  // namespace backplane::binding
