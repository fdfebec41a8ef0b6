#include "binding/loop_state.h"

#include <algorithm>

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
    if (self->owner_ != nullptr) self->owner_->OnPoll(status, ready);
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

std::shared_ptr<LoopState> LoopState::Create(napi_env env) {
  auto state = std::make_shared<LoopState>();
  if (napi_get_uv_event_loop(env, &state->loop_) != napi_ok) return nullptr;
  // Initialising a timer cannot fail.
  (void)state->deferred_.Init(state->loop_, state.get());
  state->unclosed_ = 1;
  state->self_ = state;
  if (napi_add_async_cleanup_hook(env, OnCleanup, state.get(), &state->hook_) != napi_ok) {
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
  self->deferred_.Close(
      [](uv_handle_t* timer) { static_cast<LoopState*>(timer->data)->HandleClosed(); });
}

void LoopState::Forget(PollHandle* handle) {
  open_.erase(handle);
  deferred_.Forget(handle);
}

void LoopState::HandleClosed() {
  unclosed_--;
  if (!ending_ || unclosed_ != 0) return;
  const std::shared_ptr<LoopState> last = std::move(self_);
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
}

}  // namespace backplane::binding
