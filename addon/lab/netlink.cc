#include "lab/netlink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace backplane::lab {
namespace {

// Room for the largest answer: one link with all its attributes is about 2 KiB.
constexpr size_t kAnswerBytes = 32 * 1024;

void Align(std::vector<uint8_t>& bytes) { bytes.resize(NLMSG_ALIGN(bytes.size())); }

void Append(std::vector<uint8_t>& bytes, const void* data, size_t length) {
  const auto* begin = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), begin, begin + length);
}

void PatchLength(std::vector<uint8_t>& bytes, size_t at, uint16_t length) {
  std::memcpy(bytes.data() + at, &length, sizeof(length));
}

}  // namespace

void Requests::Begin(uint16_t type, uint16_t flags, const void* family_header, size_t length) {
  begin_ = bytes_.size();
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST | NLM_F_ACK);
  header.nlmsg_seq = static_cast<uint32_t>(++count_);
  Append(bytes_, &header, sizeof(header));
  Append(bytes_, family_header, length);
  Align(bytes_);
}

void Requests::End() {
  const auto length = static_cast<uint32_t>(bytes_.size() - begin_);
  std::memcpy(bytes_.data() + begin_, &length, sizeof(length));
}

void Requests::Attribute(uint16_t type, const void* data, size_t length) {
  const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + length), type};
  Append(bytes_, &header, sizeof(header));
  Append(bytes_, data, length);
  Align(bytes_);
}

void Requests::Attribute(uint16_t type, std::string_view text) {
  const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + text.size() + 1), type};
  Append(bytes_, &header, sizeof(header));
  Append(bytes_, text.data(), text.size());
  bytes_.push_back(0);
  Align(bytes_);
}

void Requests::Raw(const void* data, size_t length) {
  Append(bytes_, data, length);
  Align(bytes_);
}

size_t Requests::BeginNest(uint16_t type) {
  const size_t nest = bytes_.size();
  const nlattr header{0, type};
  Append(bytes_, &header, sizeof(header));
  return nest;
}

void Requests::EndNest(size_t nest) {
  PatchLength(bytes_, nest, static_cast<uint16_t>(bytes_.size() - nest));
}

Failure Send(int socket, const Requests& requests, std::vector<uint8_t>* answers) {
  const auto& bytes = requests.bytes();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = sendto(socket, bytes.data(), bytes.size(), 0,
                              reinterpret_cast<sockaddr*>(&kernel), sizeof(kernel));
  if (sent < 0) return {"sendto", errno};

  // The kernel has done it all before sendto returns; what is read now is already there.
  Failure failure;
  std::vector<uint8_t> buffer(kAnswerBytes);
  for (size_t answered = 0; answered < requests.count();) {
    const ssize_t received = recv(socket, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return {"recv", received < 0 ? errno : EPROTO};
    auto left = static_cast<size_t>(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != NLMSG_ERROR) {
        if (answers != nullptr) Append(*answers, message, NLMSG_ALIGN(message->nlmsg_len));
        continue;
      }
      answered++;
      const int error = -static_cast<nlmsgerr*>(NLMSG_DATA(message))->error;
      if (error != 0 && !failure) failure = {"rtnetlink", error};
    }
  }
  return failure;
}

}  // namespace backplane::lab
