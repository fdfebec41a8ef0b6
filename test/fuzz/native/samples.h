#ifndef BACKPLANE_FUZZ_SAMPLES_H_
#define BACKPLANE_FUZZ_SAMPLES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parse/bytes.h"

namespace backplane::fuzz {

using Sample = std::vector<uint8_t>;

inline parse::Bytes ViewOf(const Sample& sample) { return {sample.data(), sample.size()}; }

// Notifications as the kernel writes them.
Sample AssociationSample();
Sample PathSample();
Sample SendFailedSample();
Sample RemoteErrorSample();
// One with nothing but a type and a size.
Sample PlainSample(uint16_t type, size_t size);

// Control messages with SCTP_RCVINFO behind another one.
Sample ControlSample();
// An IPv4, an IPv6 and an IPv4-mapped address.
Sample AddressListSample();

// All of these, and texts of addresses: what mutations begin with.
const std::vector<Sample>& Samples();

}  // namespace backplane::fuzz

#endif  // BACKPLANE_FUZZ_SAMPLES_H_
