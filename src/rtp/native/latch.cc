#include "latch.h"

#include <arpa/inet.h>

#include <cstring>

namespace trunkline {
namespace {

constexpr double kSettleMs = 2000;
constexpr int kExact = 4;

}  // namespace

bool Address::isAny() const {
  static const uint8_t zero[16] = {};
  return memcmp(bytes, zero, sizeof bytes) == 0;
}

Address parseAddress(const char* text) {
  Address address;
  if (inet_pton(AF_INET, text, address.bytes) == 1) {
    address.family = 4;
  } else if (inet_pton(AF_INET6, text, address.bytes) == 1) {
    address.family = 6;
  } else {
    address = Address();
  }
  return address;
}

void formatAddress(const Address& address, char* text, size_t size) {
  text[0] = 0;
  if (address.family != 0) {
    inet_ntop(address.family == 6 ? AF_INET6 : AF_INET, address.bytes, text, static_cast<socklen_t>(size));
  }
}

Endpoint fromSockaddr(const sockaddr_storage& from) {
  Endpoint endpoint;
  if (from.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(from);
    endpoint.address.family = 6;
    memcpy(endpoint.address.bytes, &in6.sin6_addr, 16);
    endpoint.port = ntohs(in6.sin6_port);
  } else {
    const auto& in4 = reinterpret_cast<const sockaddr_in&>(from);
    endpoint.address.family = 4;
    memcpy(endpoint.address.bytes, &in4.sin_addr, 4);
    endpoint.port = ntohs(in4.sin_port);
  }
  return endpoint;
}

socklen_t toSockaddr(const Endpoint& endpoint, sockaddr* to) {
  if (endpoint.address.family == 6) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(to);
    *in6 = {};
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    memcpy(&in6->sin6_addr, endpoint.address.bytes, 16);
    return sizeof *in6;
  }
  auto* in4 = reinterpret_cast<sockaddr_in*>(to);
  *in4 = {};
  in4->sin_family = AF_INET;
  in4->sin_port = htons(endpoint.port);
  memcpy(&in4->sin_addr, endpoint.address.bytes, 4);
  return sizeof *in4;
}

bool Block::holds(const Address& candidate) const {
  if (candidate.family != address.family) return false;
  const int whole = prefix / 8;
  if (memcmp(candidate.bytes, address.bytes, static_cast<size_t>(whole)) != 0) return false;
  const int rest = prefix % 8;
  return rest == 0 || (candidate.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

void Latch::describe(const LatchFacts* facts, const Endpoint& described, bool reopening) {
  facts_ = facts;
  described_ = described;
  if (reopening) reopen();
}

void Latch::reopen() {
  latched_ = Endpoint();
  rank_ = 0;
  expected_ = Address();
}

bool Latch::isSettled(double nowMs) const {
  return isLatched() && (rank_ == kExact || nowMs - firstMs_ >= kSettleMs);
}

LatchVerdict Latch::judge(const Endpoint& from, double nowMs, bool authentic) {
  if (from == latched_) return LatchVerdict::kAccepted;
  const bool first = !isLatched();
  if (!authentic && isSettled(nowMs)) return LatchVerdict::kRefused;
  const int rank = rankOf(from);
  if (rank == 0 || (!first && !authentic && rank <= rank_)) return LatchVerdict::kRefused;
  if (!first && rank <= rank_ && nowMs - movedMs_ < kSettleMs) return LatchVerdict::kAccepted;
  if (first) firstMs_ = nowMs;
  movedMs_ = nowMs;
  latched_ = from;
  rank_ = rank;
  return LatchVerdict::kLatched;
}

int Latch::rankOf(const Endpoint& from) const {
  bool allowed = !facts_->bounded;
  for (const Block& block : facts_->allowed) allowed = allowed || block.holds(from.address);
  if (!allowed) return 0;
  if (from.address == described_.address) return from.port == described_.port ? kExact : 3;
  if (from.address == facts_->signalling || from.address == expected_) return 2;
  return expected_.family == 0 ? 1 : 0;
}

}  // namespace trunkline
