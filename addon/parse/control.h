#ifndef BACKPLANE_PARSE_CONTROL_H_
#define BACKPLANE_PARSE_CONTROL_H_

#include <cstdint>

#include "parse/bytes.h"

namespace backplane::parse {

// What the kernel tells about a received message (RFC 6458, 5.3.5).
struct ReceiveInfo {
  bool present = false;
  bool unordered = false;
  uint16_t stream = 0;
  uint16_t ssn = 0;
  uint32_t ppid = 0;  // host byte order
  uint32_t tsn = 0;
};

// Finds SCTP_RCVINFO among the control messages of one recvmsg.
ReceiveInfo ParseControl(Bytes control);

}  // namespace backplane::parse

#endif  // BACKPLANE_PARSE_CONTROL_H_
