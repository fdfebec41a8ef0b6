#include "parse/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace backplane::parse {

namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool IsLinkLocal(const uint8_t* bytes) { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }

void SetIpv6(const uint8_t* bytes, uint32_t scope, Address* address) {
  if (std::memcmp(bytes, kMappedPrefix, sizeof kMappedPrefix) == 0) {
    address->family = Address::Family::kIpv4;
    std::memcpy(address->bytes, bytes + 12, 4);
    return;
  }
  address->family = Address::Family::kIpv6;
  std::memcpy(address->bytes, bytes, 16);
  address->scope = IsLinkLocal(bytes) ? scope : 0;
}

// Bytes that the address takes, 0 when it cannot be read.
size_t ParseOne(Bytes input, Address* address) {
  sa_family_t family = 0;
  if (!input.Read(0, &family)) return 0;
  *address = Address{};
  if (family == AF_INET) {
    sockaddr_in v4;
    if (!input.Read(0, &v4)) return 0;
    address->family = Address::Family::kIpv4;
    std::memcpy(address->bytes, &v4.sin_addr, 4);
    address->port = ntohs(v4.sin_port);
    return sizeof v4;
  }
  if (family == AF_INET6) {
    sockaddr_in6 v6;
    if (!input.Read(0, &v6)) return 0;
    SetIpv6(v6.sin6_addr.s6_addr, v6.sin6_scope_id, address);
    address->port = ntohs(v6.sin6_port);
    return sizeof v6;
  }
  return 0;
}

}  // namespace

std::string Address::ToText() const {
  if (empty()) return {};
  char text[INET6_ADDRSTRLEN] = {};
  const int af = family == Family::kIpv4 ? AF_INET : AF_INET6;
  if (inet_ntop(af, bytes, text, sizeof text) == nullptr) return {};
  std::string result = text;
  if (scope != 0) {
    char name[IF_NAMESIZE] = {};
    const bool known = if_indextoname(scope, name) != nullptr;
    result += '%';
    result += known ? std::string(name) : std::to_string(scope);
  }
  return result;
}

bool ParseSockaddr(Bytes input, Address* address) { return ParseOne(input, address) != 0; }

std::vector<Address> ParseSockaddrList(Bytes input, size_t count) {
  std::vector<Address> addresses;
  while (addresses.size() < count) {
    Address address;
    const size_t taken = ParseOne(input, &address);
    if (taken == 0) break;
    addresses.push_back(address);
    input = input.From(taken);
  }
  return addresses;
}

bool ParseAddressText(const std::string& text, Address* address) {
  *address = Address{};
  // c_str() below ends at the first zero byte: "10.0.0.1\0x" must not pass as 10.0.0.1.
  if (text.find('\0') != std::string::npos) return false;
  uint8_t bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) {
    address->family = Address::Family::kIpv4;
    std::memcpy(address->bytes, bytes, 4);
    return true;
  }
  const size_t percent = text.find('%');
  const std::string host = text.substr(0, percent);
  if (inet_pton(AF_INET6, host.c_str(), bytes) != 1) return false;
  uint32_t scope = 0;
  if (percent != std::string::npos) {
    scope = if_nametoindex(text.c_str() + percent + 1);
    if (scope == 0 || !IsLinkLocal(bytes)) return false;
  }
  SetIpv6(bytes, scope, address);
  return true;
}

}  // namespace backplane::parse
