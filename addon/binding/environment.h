#ifndef BACKPLANE_BINDING_ENVIRONMENT_H_
#define BACKPLANE_BINDING_ENVIRONMENT_H_

#include <napi.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "binding/loop_state.h"
#include "binding/slab_pool.h"
#include "kernel/receive.h"
#include "kernel/send.h"
#include "parse/notification.h"

namespace backplane::binding {

// One row of the `meta` array; the contract's META_ constants number its columns.
inline constexpr size_t kMetaStride = 8;
using MetaEntry = std::array<int32_t, kMetaStride>;

// Buffers for one drain.
struct ReceiveContext {
  // Four rounds: so much goes into one crossing at most.
  static constexpr size_t kMaxEntries = 4 * kernel::ReceiveBatch::kSlots;

  kernel::ReceiveBatch batch;
  std::vector<MetaEntry> entries;
  // Where in the slab the payloads of these entries begin; none when they have none.
  std::optional<size_t> start;
  std::vector<parse::Notification> notifications;
};

// What one Node-API environment (the main thread or a worker) has of its own. Nothing here is
// static, so any number of them can be alive.
class Environment {
 public:
  static constexpr size_t kSlabBytes = SlabPool::kSlabBytes;

  // Null, with an exception pending, when something is lacking.
  static std::unique_ptr<Environment> Create(Napi::Env env);
  static Environment* Of(Napi::Env env) { return env.GetInstanceData<Environment>(); }

  const std::shared_ptr<LoopState>& loop() const { return loop_; }
  kernel::SendBatch& send_batch() { return send_batch_; }
  const std::shared_ptr<kernel::ChunkPool>& chunks() const { return chunks_; }
  Napi::Value meta() const { return meta_.Value(); }
  // AES-256-GCM; the key is set at each use.
  EVP_CIPHER_CTX* cipher() { return cipher_.get(); }

  void SetConstructor(Napi::Function constructor) { constructor_ = Napi::Persistent(constructor); }
  // Makes a JavaScript object for a socket that exists already. Empty with an exception pending on
  // failure.
  Napi::Value Wrap(kernel::Socket socket);
  // For the constructor: the socket that `Wrap` is making an object for.
  std::optional<kernel::Socket> TakeAdopted();

  // Takes over a socket that no JavaScript object owns.
  void Keep(std::unique_ptr<PollOwner> orphan) { orphans_.push_back(std::move(orphan)); }

  // Drains nest when a handler drains another socket; each level has buffers of its own.
  std::unique_ptr<ReceiveContext> TakeContext();
  void ReturnContext(std::unique_ptr<ReceiveContext> context);

  // Room for a payload in the current slab: its offset, or -1 when a new slab is needed.
  int64_t Reserve(size_t length);
  uint8_t* slab_data() const { return slab_data_; }
  size_t slab_used() const { return slab_used_; }
  // A place in a slab, to tell whether anything was reserved since.
  struct SlabPlace {
    const uint8_t* data;
    size_t used;
  };
  SlabPlace place() const { return {slab_data_, slab_used_}; }
  // What was reserved from `start` to `end` is free again, if nothing was reserved after it.
  void Rewind(size_t start, SlabPlace end);
  Napi::Value slab() const { return slab_.Value(); }
  // Replaces the slab. Views of the old one keep it alive.
  bool NewSlab(Napi::Env env);
  // Makes sure that there is a slab of ours: a program can transfer one to another thread.
  bool EnsureSlab(Napi::Env env);

  // Shows `entries` in `meta`. False when a program has transferred the array's memory away.
  bool ShowMeta(const std::vector<MetaEntry>& entries);
  // What `meta` shows now, for restoring it after a nested drain.
  std::vector<MetaEntry> SavedMeta() const { return shown_; }
  void HideMeta() { shown_.clear(); }

 private:
  struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* cipher) const { EVP_CIPHER_CTX_free(cipher); }
  };

  explicit Environment(std::shared_ptr<LoopState> loop) : loop_(std::move(loop)) {}

  std::shared_ptr<LoopState> loop_;
  Napi::FunctionReference constructor_;
  Napi::ObjectReference meta_;
  Napi::Reference<Napi::ArrayBuffer> slab_;
  std::shared_ptr<SlabPool> pool_ = std::make_shared<SlabPool>();
  uint8_t* slab_data_ = nullptr;
  size_t slab_used_ = 0;
  std::vector<MetaEntry> shown_;
  kernel::SendBatch send_batch_;
  std::shared_ptr<kernel::ChunkPool> chunks_ = std::make_shared<kernel::ChunkPool>();
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher_;
  std::unique_ptr<ReceiveContext> context_;
  std::optional<kernel::Socket> adopted_;
  std::vector<std::unique_ptr<PollOwner>> orphans_;
};

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_ENVIRONMENT_H_
