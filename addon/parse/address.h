#ifndef BACKPLANE_PARSE_ADDRESS_H_
#define BACKPLANE_PARSE_ADDRESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "parse/bytes.h"

namespace backplane::parse {

// An IP address with a port. IPv4-mapped IPv6 addresses are never stored: they become IPv4.
struct Address {
  enum class Family : uint8_t { kNone, kIpv4, kIpv6 };

  Family family = Family::kNone;
  uint8_t bytes[16] = {};
  uint16_t port = 0;
  uint32_t scope = 0;  // IPv6 link-local only: the interface's index

  bool empty() const { return family == Family::kNone; }
  // Text form, empty for an empty address. A link-local address carries its interface as "%name".
  std::string ToText() const;
};

// Reads one sockaddr_in, sockaddr_in6 or the beginning of a sockaddr_storage. False when the family
// is neither, or bytes are missing.
bool ParseSockaddr(Bytes input, Address* address);

// Reads `count` addresses, packed one after the other as SCTP_GET_PEER_ADDRS returns them. Stops at
// the first that cannot be read.
std::vector<Address> ParseSockaddrList(Bytes input, size_t count);

// Reads "10.1.0.1", "fd00::1" or "fe80::1%eth0".
bool ParseAddressText(const std::string& text, Address* address);

}  // namespace backplane::parse

#endif  // BACKPLANE_PARSE_ADDRESS_H_
