// What the lab asks the kernel for, as netlink requests. Links are named by index, which the asker
// chooses.
#ifndef BACKPLANE_ADDON_LAB_REQUESTS_H_
#define BACKPLANE_ADDON_LAB_REQUESTS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "lab/netlink.h"

namespace backplane::lab {

struct VethEnd {
  int index;
  std::string_view name;
  int namespace_fd;
};

// Two ends of a cable, each in its namespace, both down.
void AddVeth(Requests& requests, const VethEnd& end, const VethEnd& peer);
// A switch: no spanning tree, no delay, no multicast snooping.
void AddBridge(Requests& requests, int index, std::string_view name);
void SetLink(Requests& requests, int index, bool up);
// Puts a link into a bridge; 0 takes it out.
void SetMaster(Requests& requests, int index, int master);
// `bytes` are 4 or 16.
void AddAddress(Requests& requests, int index, const std::vector<uint8_t>& bytes,
                uint8_t prefix_bits);

struct Impairment {
  double loss_share;  // 0 to 1
  int64_t delay_ns;
  int64_t jitter_ns;
};
// What happens to frames that leave by a link.
void SetImpairment(Requests& requests, int index, const Impairment& impairment);
void ClearImpairment(Requests& requests, int index);

void GetLink(Requests& requests, int index);

struct LinkState {
  bool up = false;
  bool carrier = false;
  int oper_state = -1;
  int port_state = -1;  // BR_STATE_..., -1 where it is no port
  uint64_t received_frames = 0;
  uint64_t sent_frames = 0;
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
};
// Reads the answer to GetLink; false where it holds none.
bool ParseLink(const std::vector<uint8_t>& answer, LinkState* state);

}  // namespace backplane::lab

#endif  // BACKPLANE_ADDON_LAB_REQUESTS_H_
