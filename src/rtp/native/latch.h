// Which source address is the peer (design, latching): the compiled twin of src/rtp/relay/latch.ts.
#ifndef TRUNKLINE_LATCH_H
#define TRUNKLINE_LATCH_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace trunkline {

// An IP address; `family` is 4, 6, or 0 for none.
struct Address {
  uint8_t family = 0;
  uint8_t bytes[16] = {};

  bool operator==(const Address& other) const {
    return family == other.family && memcmp(bytes, other.bytes, sizeof bytes) == 0;
  }
  bool operator!=(const Address& other) const { return !(*this == other); }
  // 0.0.0.0 or ::
  bool isAny() const;
};

struct Endpoint {
  Address address;
  uint16_t port = 0;

  bool operator==(const Endpoint& other) const { return port == other.port && address == other.address; }
};

// Reads an IPv4 or IPv6 address; family 0 when the text is none.
Address parseAddress(const char* text);
void formatAddress(const Address& address, char* text, size_t size);
Endpoint fromSockaddr(const sockaddr_storage& from);
// Length of the sockaddr written: sockaddr_in or sockaddr_in6.
socklen_t toSockaddr(const Endpoint& endpoint, sockaddr* to);

// A CIDR block.
struct Block {
  Address address;
  int prefix = 0;

  bool holds(const Address& candidate) const;
};

struct LatchFacts {
  Address signalling;
  // Whether `allowed` bounds the sources; without it any source may match.
  bool bounded = false;
  std::vector<Block> allowed;
};

enum class LatchVerdict { kRefused, kAccepted, kLatched };

class Latch {
 public:
  // `facts` must live until the next description.
  void describe(const LatchFacts* facts, const Endpoint& described, bool reopen);
  void expect(const Address& address) { expected_ = address; }
  void reopen();
  LatchVerdict judge(const Endpoint& from, double nowMs, bool authentic);
  bool isLatched() const { return latched_.address.family != 0; }
  // Whether only an authentic packet may move it any more.
  bool isSettled(double nowMs) const;
  const Endpoint& latched() const { return latched_; }

 private:
  int rankOf(const Endpoint& from) const;
  Endpoint latched_;
  int rank_ = 0;
  Endpoint described_;
  Address expected_;
  double firstMs_ = 0;
  double movedMs_ = 0;
  const LatchFacts* facts_ = nullptr;
};

}  // namespace trunkline

#endif
