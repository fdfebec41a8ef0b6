#ifndef BACKPLANE_KERNEL_SOCKET_H_
#define BACKPLANE_KERNEL_SOCKET_H_

#include <cstdint>
#include <vector>

#include "kernel/descriptor.h"
#include "kernel/status.h"
#include "parse/address.h"

namespace backplane::kernel {

using parse::Address;

// What a path looks like now; `state` is one of the names of the addon's contract.
struct PathInfo {
  Address address;
  const char* state = "unknown";
  uint32_t cwnd_bytes = 0;
  double rtt_ms = 0;
  uint32_t rto_ms = 0;
  uint32_t mtu_bytes = 0;
};

// What an association looks like now.
struct AssociationStatus {
  const char* state = "unknown";
  uint32_t peer_window_bytes = 0;
  uint32_t unacked_chunks = 0;
  uint32_t pending_chunks = 0;
  uint32_t outbound_streams = 0;
  uint32_t inbound_streams = 0;
  uint32_t fragmentation_point_bytes = 0;
  PathInfo primary;
};

// What an association counted since it began; `max_rto` since it was last asked for.
struct AssociationStatistics {
  Address max_rto_address;
  uint64_t max_rto_ms = 0;
  uint64_t sent_packets = 0;
  uint64_t received_packets = 0;
  uint64_t sent_chunks = 0;
  uint64_t received_chunks = 0;
  uint64_t retransmitted_chunks = 0;
  uint64_t duplicate_chunks = 0;
};

// A one-to-one SCTP socket (RFC 6458, section 4), non-blocking and close-on-exec. Every method is
// one step of the kernel's interface; it keeps no state but the descriptor.
class Socket {
 public:
  // kSctp is the real thing. kStandIn is a sequenced-packet socket of another protocol, which lets
  // the code above be tested where the kernel has no SCTP.
  enum class Kind : uint8_t { kSctp, kStandIn };

  Socket() = default;
  Socket(Descriptor descriptor, Kind kind) : descriptor_(std::move(descriptor)), kind_(kind) {}

  static Status Open(bool ipv6, Socket* socket);

  int fd() const { return descriptor_.get(); }
  bool stand_in() const { return kind_ == Kind::kStandIn; }

  // Binds all addresses to the port of the first.
  Status Bind(const std::vector<Address>& addresses);
  Status AddAddresses(std::vector<Address> addresses);
  Status RemoveAddresses(std::vector<Address> addresses);
  Status Listen(int backlog);
  // EINPROGRESS counts as success.
  Status Connect(const std::vector<Address>& addresses);
  Status Accept(Socket* accepted);
  // SHUTDOWN after everything that the kernel holds was acknowledged.
  Status Shutdown();
  // Makes the coming close send an ABORT.
  void AbortOnClose();
  // Reads and clears SO_ERROR; 0 when there is none.
  int TakeError();
  // The address with the peer's port: the kernel finds a path only by both. Empty stays empty.
  Address PathAddress(const Address& address) const;
  // False once the kernel holds no association for this socket.
  bool HasAssociation() const;
  // The bytes that the kernel lets wait for sending.
  int SendBufferBytes() const;

  // Those of the association; of the socket while there is none.
  Status LocalAddresses(std::vector<Address>* addresses) const;
  Status PeerAddresses(std::vector<Address>* addresses) const;
  Status GetStatus(AssociationStatus* status) const;
  Status GetPathInfo(const Address& address, PathInfo* info) const;
  Status GetStatistics(AssociationStatistics* statistics) const;

 private:
  uint16_t LocalPort() const;
  uint16_t PeerPort() const;

  Descriptor descriptor_;
  Kind kind_ = Kind::kSctp;
  // 0 until it was asked for.
  mutable uint16_t peer_port_ = 0;
};

}  // namespace backplane::kernel

#endif  // BACKPLANE_KERNEL_SOCKET_H_
