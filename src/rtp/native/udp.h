// What comes and leaves in one round: packets lie in slots from receiving to sending, and go out together, over all flows.
//
//   raw:     | IP | UDP | payload |  one raw socket, own headers, one sendmmsg for the whole round
//   sockets: each packet by its leg's socket, where the process lacks CAP_NET_RAW or the source address is not known
#ifndef TRUNKLINE_UDP_H
#define TRUNKLINE_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "latch.h"

namespace trunkline {

// A UDP socket bound to `local`, non-blocking; negative errno when it cannot be had.
int bindUdp(const Endpoint& local);

// Binds a second socket to `local`, where `fd` is bound, and connects it to `peer`: the kernel gives it what comes from
// there, and `fd` the rest. What came while it was bound and not yet connected may wait in it too, from anywhere. No third
// socket can join them. Negative errno when it cannot be had, or only with a descriptor of `limit` or more.
int joinUdp(int fd, const Endpoint& local, const Endpoint& peer, int limit);
// Connects a socket of `joinUdp` elsewhere; 0 or negative errno. What waits in it stays.
int connectUdp(int fd, const Endpoint& peer);
// Whether no datagram waits.
bool isEmpty(int fd);

// Receives one datagram; its full length even where `capacity` cut it, or -1 when none waits. `from` is null where the
// source is known, which is cheaper.
int receive(int fd, uint8_t* packet, int capacity, Endpoint* from);

class Outbox {
 public:
  static constexpr int kCapacity = 2048;

  // Opens raw sockets if `raw` and the process may; without them every packet goes by its own socket.
  explicit Outbox(bool raw);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  bool raw() const { return raw4_ >= 0 || raw6_ >= 0; }
  // Where the next packet is put, `kCapacity` bytes; there is none when `full`.
  uint8_t* slot() { return slots_[used_].bytes + kHeadroom; }
  // Keeps what was put into `slot()` until the round is flushed.
  void keep() { used_++; }
  bool full() const { return used_ == kSlots; }
  // Whether what leaves from `local` needs no socket of its own.
  bool sendsRaw(const Endpoint& local, int length) const { return rawFor(local, length) >= 0; }
  // Sends with the round `length` bytes of `packet`, which lies in a slot. `local` is the address that `fd` is bound to.
  void send(uint8_t* packet, int fd, const Endpoint& local, const Endpoint& to, int length);
  // The same by a connected socket.
  void sendConnected(uint8_t* packet, int fd, int length);
  // Sends what waits; all slots are free then.
  void flush();
  // Closes the raw sockets; nothing is sent any more.
  void shut();

  static constexpr int kSlots = 64;

 private:
  static constexpr int kHeadroom = 48;
  struct Slot {
    uint8_t bytes[kHeadroom + kCapacity];
  };
  // A packet with its headers for `fd`, a raw socket, or without them for its own; `toBytes` is 0 where that is connected.
  struct Queued {
    int fd;
    socklen_t toBytes;
    iovec bytes;
    union {
      sockaddr any;
      sockaddr_in in4;
      sockaddr_in6 in6;
    } to;
  };
  int rawFor(const Endpoint& local, int length) const;
  void flushRaw(int fd);
  void flushInOrder();
  int raw4_ = -1;
  int raw6_ = -1;
  int used_ = 0;
  int count_ = 0;
  // Whether some of what waits goes by its own socket.
  bool mixed_ = false;
  Slot slots_[kSlots];
  Queued queued_[kSlots];
  mmsghdr messages_[kSlots] = {};
};

}  // namespace trunkline

#endif
