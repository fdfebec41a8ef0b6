#include "kernel/option_calls.h"

namespace backplane::kernel {

static_assert(sizeof(sctp_initmsg) == 8);
static_assert(sizeof(sctp_rtoinfo) == 16);
static_assert(sizeof(sctp_assocparams) == 20);
static_assert(sizeof(sctp_sack_info) == 12);

Status SetInit(const Socket& socket, const OptionValues& values) {
  sctp_initmsg init{};
  init.sinit_num_ostreams = values[0].number;
  init.sinit_max_instreams = values[1].number;
  init.sinit_max_attempts = values[2].number;
  init.sinit_max_init_timeo = values[3].number;
  return SetRaw(socket, IPPROTO_SCTP, SCTP_INITMSG, init);
}

Status GetInit(const Socket& socket, OptionValues* values) {
  sctp_initmsg init{};
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_INITMSG, &init);
  Put(&(*values)[0], init.sinit_num_ostreams);
  Put(&(*values)[1], init.sinit_max_instreams);
  Put(&(*values)[2], init.sinit_max_attempts);
  Put(&(*values)[3], init.sinit_max_init_timeo);
  return status;
}

Status SetRto(const Socket& socket, const OptionValues& values) {
  sctp_rtoinfo rto{};
  rto.srto_initial = values[0].number;
  rto.srto_min = values[1].number;
  rto.srto_max = values[2].number;
  return SetRaw(socket, IPPROTO_SCTP, SCTP_RTOINFO, rto);
}

Status GetRto(const Socket& socket, OptionValues* values) {
  sctp_rtoinfo rto{};
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_RTOINFO, &rto);
  Put(&(*values)[0], rto.srto_initial);
  Put(&(*values)[1], rto.srto_min);
  Put(&(*values)[2], rto.srto_max);
  return status;
}

Status SetAssociation(const Socket& socket, const OptionValues& values) {
  sctp_assocparams association{};
  association.sasoc_asocmaxrxt = values[0].number;
  association.sasoc_cookie_life = values[1].number;
  return SetRaw(socket, IPPROTO_SCTP, SCTP_ASSOCINFO, association);
}

Status GetAssociation(const Socket& socket, OptionValues* values) {
  sctp_assocparams association{};
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_ASSOCINFO, &association);
  Put(&(*values)[0], association.sasoc_asocmaxrxt);
  Put(&(*values)[1], association.sasoc_cookie_life);
  return status;
}

Status SetSack(const Socket& socket, const OptionValues& values) {
  sctp_sack_info sack{};
  sack.sack_delay = values[0].number;
  sack.sack_freq = values[1].number;
  return SetRaw(socket, IPPROTO_SCTP, SCTP_DELAYED_SACK, sack);
}

Status GetSack(const Socket& socket, OptionValues* values) {
  sctp_sack_info sack{};
  Status status = GetRaw(socket, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack);
  Put(&(*values)[0], sack.sack_delay);
  Put(&(*values)[1], sack.sack_freq);
  return status;
}

}  // namespace backplane::kernel
