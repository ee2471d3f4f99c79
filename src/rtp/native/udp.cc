#include "udp.h"

#include <errno.h>
#include <limits.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace trunkline {
namespace {

constexpr int kUdpBytes = 8;
constexpr int kIp4Bytes = 20;
constexpr int kIp6Bytes = 40;
// Beyond this a packet may need fragments, which the kernel makes for sockets only.
constexpr int kMaxRawPayload = 1400;
constexpr uint8_t kHopLimit = 64;
constexpr int kRawSendBytes = 4 << 20;

// One's complement sum of big-endian words, unfolded (RFC 1071); in wider steps, as the sum is the same.
uint64_t sumOf(const uint8_t* bytes, int count, uint64_t sum) {
  uint64_t other = 0;
  for (; count >= 16; bytes += 16, count -= 16) {
    uint32_t words[4];
    memcpy(words, bytes, sizeof words);
    sum += uint64_t{words[0]} + words[1];
    other += uint64_t{words[2]} + words[3];
  }
  sum += other;
  for (; count >= 4; bytes += 4, count -= 4) {
    uint32_t word;
    memcpy(&word, bytes, 4);
    sum += word;
  }
  uint8_t rest[4] = {};
  memcpy(rest, bytes, static_cast<size_t>(count));
  uint32_t word;
  memcpy(&word, rest, 4);
  return sum + word;
}

// In memory order, ready to be stored; 0 is sent as all ones (RFC 768).
uint16_t fold(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  const uint16_t checksum = static_cast<uint16_t>(~sum);
  return checksum == 0 ? 0xffff : checksum;
}

void writeUdp(uint8_t* header, const Endpoint& local, const Endpoint& to, int payloadBytes) {
  udphdr udp = {};
  udp.source = htons(local.port);
  udp.dest = htons(to.port);
  udp.len = htons(static_cast<uint16_t>(payloadBytes + kUdpBytes));
  memcpy(header, &udp, sizeof udp);
  const int addressBytes = local.address.family == 6 ? 16 : 4;
  uint64_t sum = uint64_t{udp.len} + htons(IPPROTO_UDP);
  sum = sumOf(local.address.bytes, addressBytes, sum);
  sum = sumOf(to.address.bytes, addressBytes, sum);
  udp.check = fold(sumOf(header, kUdpBytes + payloadBytes, sum));
  memcpy(header, &udp, sizeof udp);
}

// The kernel fills in total length and checksum (raw(7)).
void writeIp4(uint8_t* header, const Endpoint& local, const Endpoint& to) {
  iphdr ip = {};
  ip.version = 4;
  ip.ihl = kIp4Bytes / 4;
  // Of no meaning where fragments are forbidden (RFC 6864 §4.1), but the kernel draws one for a packet that has none.
  ip.id = htons(1);
  ip.frag_off = htons(IP_DF);
  ip.ttl = kHopLimit;
  ip.protocol = IPPROTO_UDP;
  memcpy(&ip.saddr, local.address.bytes, 4);
  memcpy(&ip.daddr, to.address.bytes, 4);
  memcpy(header, &ip, sizeof ip);
}

void writeIp6(uint8_t* header, const Endpoint& local, const Endpoint& to, int payloadBytes) {
  ip6_hdr ip = {};
  ip.ip6_flow = htonl(6u << 28);
  ip.ip6_plen = htons(static_cast<uint16_t>(payloadBytes + kUdpBytes));
  ip.ip6_nxt = IPPROTO_UDP;
  ip.ip6_hlim = kHopLimit;
  memcpy(&ip.ip6_src, local.address.bytes, 16);
  memcpy(&ip.ip6_dst, to.address.bytes, 16);
  memcpy(header, &ip, sizeof ip);
}

// One socket now sends what hundreds sent, so it gets room for all of them; negative without CAP_NET_RAW.
int openRaw(int family) {
  const int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  if (fd < 0) return -1;
  const int room = kRawSendBytes;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  }
  return fd;
}

// As RECEIVE_BYTES in relay/sockets.ts; the system may allow less (net.core.rmem_max).
constexpr int kReceiveBytes = 1 << 19;

void share(int fd, bool shared) {
  const int on = shared;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

int openUdp(const Endpoint& local, bool shared, int limit) {
  const int family = local.address.family == 6 ? AF_INET6 : AF_INET;
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (fd >= limit) {
    close(fd);
    return -EMFILE;
  }
  // Filled only while the thread waits for a processor: a flood must not push the peer's packets out meanwhile.
  const int room = kReceiveBytes;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (shared) share(fd, true);
  const int on = 1;
  sockaddr_storage address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const socklen_t bytes = toSockaddr(local, any);
  const bool done = (family == AF_INET || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
                    bind(fd, any, bytes) == 0;
  if (done) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

}  // namespace

int bindUdp(const Endpoint& local) { return openUdp(local, false, INT_MAX); }

// Sharing a port is open to sockets of this user, and only until the second is bound.
int joinUdp(int fd, const Endpoint& local, const Endpoint& peer, int limit) {
  share(fd, true);
  const int joined = openUdp(local, true, limit);
  share(fd, false);
  if (joined < 0) return joined;
  share(joined, false);
  const int error = connectUdp(joined, peer);
  if (error == 0) return joined;
  close(joined);
  return error;
}

int connectUdp(int fd, const Endpoint& peer) {
  sockaddr_storage address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const socklen_t bytes = toSockaddr(peer, any);
  return connect(fd, any, bytes) == 0 ? 0 : -errno;
}

bool isEmpty(int fd) {
  uint8_t first;
  return recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// Straight to the kernel here and when sending: around these calls the C library watches for a thread's cancellation,
// once a process has threads.
int receive(int fd, uint8_t* packet, int capacity, Endpoint* from) {
  const int flags = MSG_DONTWAIT | MSG_TRUNC;
  if (!from) {
    const long length = syscall(SYS_recvfrom, fd, packet, static_cast<size_t>(capacity), flags, nullptr, nullptr);
    return length < 0 ? -1 : static_cast<int>(length);
  }
  sockaddr_storage address;
  socklen_t bytes = sizeof address;
  const long length = syscall(SYS_recvfrom, fd, packet, static_cast<size_t>(capacity), flags, &address, &bytes);
  if (length < 0) return -1;
  *from = fromSockaddr(address);
  return static_cast<int>(length);
}

Outbox::Outbox(bool raw) {
  if (!raw) return;
  raw4_ = openRaw(AF_INET);
  raw6_ = openRaw(AF_INET6);
}

Outbox::~Outbox() { shut(); }

void Outbox::shut() {
  if (raw4_ >= 0) close(raw4_);
  if (raw6_ >= 0) close(raw6_);
  raw4_ = raw6_ = -1;
}

int Outbox::rawFor(const Endpoint& local, int length) const {
  if (length > kMaxRawPayload || local.address.isAny()) return -1;
  return local.address.family == 6 ? raw6_ : raw4_;
}

void Outbox::send(uint8_t* packet, int fd, const Endpoint& local, const Endpoint& to, int length) {
  Queued& queued = queued_[count_++];
  const int raw = rawFor(local, length);
  if (raw < 0) {
    mixed_ = true;
    queued.fd = fd;
    queued.bytes = {packet, static_cast<size_t>(length)};
    queued.toBytes = toSockaddr(to, &queued.to.any);
    return;
  }
  uint8_t* udp = packet - kUdpBytes;
  writeUdp(udp, local, to, length);
  const bool six = local.address.family == 6;
  uint8_t* header = udp - (six ? kIp6Bytes : kIp4Bytes);
  if (six) {
    writeIp6(header, local, to, length);
  } else {
    writeIp4(header, local, to);
  }
  queued.fd = raw;
  queued.bytes = {header, static_cast<size_t>(packet + length - header)};
  // A raw socket has no ports; IPv6 insists on 0.
  queued.toBytes = toSockaddr({to.address, 0}, &queued.to.any);
}

void Outbox::sendConnected(uint8_t* packet, int fd, int length) {
  Queued& queued = queued_[count_++];
  mixed_ = true;
  queued.fd = fd;
  queued.bytes = {packet, static_cast<size_t>(length)};
  queued.toBytes = 0;
}

void Outbox::flush() {
  if (mixed_) {
    flushInOrder();
  } else if (count_ > 0) {
    flushRaw(raw4_);
    flushRaw(raw6_);
  }
  mixed_ = false;
  count_ = used_ = 0;
}

// Nothing overtakes anything: a flow's longest packets go by its own socket, the others not.
void Outbox::flushInOrder() {
  for (int at = 0; at < count_; at++) {
    const Queued& queued = queued_[at];
    const sockaddr* to = queued.toBytes > 0 ? &queued.to.any : nullptr;
    const auto send = [&] {
      return sendto(queued.fd, queued.bytes.iov_base, queued.bytes.iov_len, MSG_DONTWAIT, to, queued.toBytes);
    };
    // A full buffer, or no route, is the network's loss: RTP has no one to tell. A connected socket says first that an
    // earlier packet was refused, and does not send.
    if (send() < 0 && errno == ECONNREFUSED) send();
  }
}

void Outbox::flushRaw(int fd) {
  unsigned waiting = 0;
  for (int at = 0; at < count_; at++) {
    Queued& queued = queued_[at];
    if (queued.fd != fd) continue;
    msghdr& header = messages_[waiting++].msg_hdr;
    header.msg_name = &queued.to;
    header.msg_namelen = queued.toBytes;
    header.msg_iov = &queued.bytes;
    header.msg_iovlen = 1;
  }
  for (unsigned sent = 0; sent < waiting;) {
    const long done = syscall(SYS_sendmmsg, fd, messages_ + sent, waiting - sent, MSG_DONTWAIT);
    // A packet that cannot be sent is skipped, so that it holds nothing up.
    sent += done > 0 ? static_cast<unsigned>(done) : 1;
  }
}

}  // namespace trunkline
