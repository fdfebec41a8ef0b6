#include "parse/address.h"

#include <netinet/in.h>

#include <cstring>

#include "check.h"
#include "targets.h"

namespace backplane::fuzz {

using parse::Address;

namespace {

constexpr size_t kMost = 64;

void CheckAddress(const Address& address) {
  const std::string text = address.ToText();
  Check(!text.empty(), "each address has a text");
  Check(text.rfind("::ffff:", 0) != 0 || text.find('.') == std::string::npos,
        "an IPv4-mapped address is stored as IPv4");
  // The name of an interface may be gone, its number is not read back.
  if (address.scope != 0) return;
  Address again;
  Check(parse::ParseAddressText(text, &again), "a text that was made can be read");
  Check(again.family == address.family &&
            std::memcmp(again.bytes, address.bytes, sizeof again.bytes) == 0,
        "and gives the same address");
}

}  // namespace

void FuzzAddress(parse::Bytes input) {
  Address first;
  const bool readable = parse::ParseSockaddr(input, &first);
  const auto list = parse::ParseSockaddrList(input, kMost);
  Check(list.size() <= kMost, "no more addresses than asked for");
  Check(list.size() <= input.length / sizeof(sockaddr_in), "no more addresses than fit");
  Check(readable == !list.empty(), "one is read where a list begins with one");
  for (const Address& address : list) CheckAddress(address);
}

void FuzzAddressText(parse::Bytes input) {
  const std::string text(reinterpret_cast<const char*>(input.data), input.length);
  Address address;
  if (!parse::ParseAddressText(text, &address)) return;
  Check(address.port == 0, "a text has no port");
  Check(address.scope == 0 || text.find('%') != std::string::npos, "a scope was asked for");
  CheckAddress(address);
}

}  // namespace backplane::fuzz
