#ifndef BACKPLANE_KERNEL_SOCKADDR_H_
#define BACKPLANE_KERNEL_SOCKADDR_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parse/address.h"

namespace backplane::kernel {

// Writes an address as the kernel wants it; an empty one becomes all zeros, which means "all
// paths". IPv4 stays sockaddr_in on IPv6 sockets too: the kernel takes it there.
socklen_t ToSockaddr(const parse::Address& address, sockaddr_storage* storage);

// Addresses packed one after the other, IPv4 first: kernels of the 5 series lost the IPv4 addresses
// of a list that began with IPv6.
std::vector<uint8_t> PackSockaddrs(const std::vector<parse::Address>& addresses);

// "10.1.0.1, 10.2.0.1", for errors.
std::string JoinAddresses(const std::vector<parse::Address>& addresses);

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_SOCKADDR_H_
