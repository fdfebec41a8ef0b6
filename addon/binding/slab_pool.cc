#include "binding/slab_pool.h"

#include <sys/mman.h>

namespace backplane::binding {

namespace {
// Slabs kept for the next use. V8 starts a collection at 64 MiB of such memory, so in a flood as
// many come back at once.
constexpr size_t kMaxFree = 64;
}  // namespace

void SlabPool::Unmap::operator()(uint8_t* memory) const { munmap(memory, kSlabBytes); }

bool SlabPool::Take(napi_env env, napi_value* buffer, uint8_t** data) {
  auto lease = std::make_unique<Lease>();
  lease->pool = shared_from_this();
  if (free_.empty()) {
    void* memory = mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory != MAP_FAILED) lease->memory.reset(static_cast<uint8_t*>(memory));
  } else {
    lease->memory = std::move(free_.back());
    free_.pop_back();
  }
  *data = lease->memory.get();
  if (*data == nullptr) return false;
  if (napi_create_external_arraybuffer(env, *data, kSlabBytes, Release, lease.get(), buffer) ==
      napi_ok) {
    lease.release();
    return true;
  }
  // Some runtimes allow no external memory.
  void* own = nullptr;
  if (napi_create_arraybuffer(env, kSlabBytes, &own, buffer) != napi_ok) return false;
  *data = static_cast<uint8_t*>(own);
  return true;
}

void SlabPool::Release(napi_env, void*, void* hint) {
  const std::unique_ptr<Lease> lease(static_cast<Lease*>(hint));
  if (lease->pool->free_.size() < kMaxFree) lease->pool->free_.push_back(std::move(lease->memory));
}

}  // namespace backplane::binding
