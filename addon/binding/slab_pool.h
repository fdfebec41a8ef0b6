#ifndef BACKPLANE_BINDING_SLAB_POOL_H_
#define BACKPLANE_BINDING_SLAB_POOL_H_

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace backplane::binding {

// Memory for slabs. A slab comes back when JavaScript has collected every view of it, and is then
// used again: memory fresh from the system costs a page fault every 4 KiB, which at 16 KiB a
// message was two thirds of the receiving time (4,200 against 12,300 messages a second in the lab's
// guest).
class SlabPool : public std::enable_shared_from_this<SlabPool> {
 public:
  static constexpr size_t kSlabBytes = 1024 * 1024;

  // A new ArrayBuffer of kSlabBytes. False when there is no memory for it.
  bool Take(napi_env env, napi_value* buffer, uint8_t** data);

 private:
  struct Unmap {
    void operator()(uint8_t* memory) const;
  };
  using Memory = std::unique_ptr<uint8_t, Unmap>;
  // What an ArrayBuffer holds until it is collected, which may be after the environment's data is
  // gone.
  struct Lease {
    std::shared_ptr<SlabPool> pool;
    Memory memory;
  };

  static void Release(napi_env env, void* data, void* hint);

  std::vector<Memory> free_;
};

}  // namespace backplane::binding

#endif  // BACKPLANE_BINDING_SLAB_POOL_H_
