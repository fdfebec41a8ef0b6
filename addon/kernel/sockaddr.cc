#include "kernel/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace backplane::kernel {

using parse::Address;

socklen_t ToSockaddr(const Address& address, sockaddr_storage* storage) {
  std::memset(storage, 0, sizeof *storage);
  if (address.family == Address::Family::kIpv4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.bytes, 4);
    return sizeof *v4;
  }
  if (address.family == Address::Family::kIpv6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    v6->sin6_scope_id = address.scope;
    std::memcpy(&v6->sin6_addr, address.bytes, 16);
    return sizeof *v6;
  }
  return 0;
}

std::vector<uint8_t> PackSockaddrs(const std::vector<Address>& addresses) {
  std::vector<uint8_t> packed;
  for (const auto family : {Address::Family::kIpv4, Address::Family::kIpv6}) {
    for (const Address& address : addresses) {
      if (address.family != family) continue;
      sockaddr_storage storage;
      const socklen_t length = ToSockaddr(address, &storage);
      const auto* bytes = reinterpret_cast<const uint8_t*>(&storage);
      packed.insert(packed.end(), bytes, bytes + length);
    }
  }
  return packed;
}

std::string JoinAddresses(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) {
    if (!text.empty()) text += ", ";
    text += address.ToText();
  }
  return text;
}

}  // namespace backplane::kernel
