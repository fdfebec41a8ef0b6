#include "parse/control.h"

#include "check.h"
#include "targets.h"

namespace backplane::fuzz {

using parse::ReceiveInfo;

void FuzzControl(parse::Bytes input) {
  const ReceiveInfo info = parse::ParseControl(input);
  if (info.present) {
    Check(input.length >= 16 + 28, "a header and an sctp_rcvinfo were there");
    return;
  }
  Check(info.stream == 0 && info.ssn == 0 && info.ppid == 0 && info.tsn == 0 && !info.unordered,
        "no info means no values");
}

}  // namespace backplane::fuzz
