#ifndef BACKPLANE_PARSE_SCTP_H_
#define BACKPLANE_PARSE_SCTP_H_

// <linux/sctp.h> uses types of these headers without including them, so their order matters.
// clang-format off
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/sctp.h>
// clang-format on

#endif  // BACKPLANE_PARSE_SCTP_H_
