#include "parse/control.h"

#include <arpa/inet.h>

#include "parse/sctp.h"

namespace backplane::parse {

static_assert(sizeof(sctp_rcvinfo) == 28);

ReceiveInfo ParseControl(Bytes control) {
  // The CMSG_ macros trust the header's length; this walk does not.
  ReceiveInfo info;
  while (!info.present) {
    cmsghdr header;
    if (!control.Read(0, &header)) break;
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > control.length) break;
    const Bytes body = control.First(header.cmsg_len).From(CMSG_LEN(0));
    sctp_rcvinfo received;
    if (header.cmsg_level == IPPROTO_SCTP && header.cmsg_type == SCTP_RCVINFO &&
        body.Read(0, &received)) {
      info.present = true;
      info.unordered = (received.rcv_flags & SCTP_UNORDERED) != 0;
      info.stream = received.rcv_sid;
      info.ssn = received.rcv_ssn;
      info.ppid = ntohl(received.rcv_ppid);
      info.tsn = received.rcv_tsn;
    }
    control = control.From(CMSG_ALIGN(header.cmsg_len));
  }
  return info;
}

}  // namespace backplane::parse
