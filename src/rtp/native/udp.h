// What leaves in one round: packets are written into slots and go out together, over all flows.
//
//   raw:     | IP | UDP | payload |  one raw socket, own headers, one sendmmsg for the whole round
//   sockets: each packet by its own socket, where the process lacks CAP_NET_RAW or the source address is not known
#ifndef TRUNKLINE_UDP_H
#define TRUNKLINE_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "latch.h"

namespace trunkline {

// A UDP socket bound to `local`, non-blocking; negative errno when it cannot be had.
int bindUdp(const Endpoint& local);

// Receives one datagram; its full length even where `capacity` cut it, or -1 when none waits.
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
  // Where the next packet is put, `kCapacity` bytes.
  uint8_t* slot() { return slots_[count_].bytes + kHeadroom; }
  // Sends `length` bytes of `slot()`, now or with the round. `local` is the address that `fd` is bound to.
  void send(int fd, const Endpoint& local, const Endpoint& to, int length);
  void flush();
  // Closes the raw sockets; nothing is sent any more.
  void shut();

 private:
  static constexpr int kSlots = 64;
  static constexpr int kHeadroom = 48;
  struct Slot {
    uint8_t bytes[kHeadroom + kCapacity];
  };
  int rawFor(const Endpoint& local, int length) const;
  void flushTo(int fd, uint8_t family);
  int raw4_ = -1;
  int raw6_ = -1;
  int count_ = 0;
  Slot slots_[kSlots];
  struct Queued {
    uint8_t family;
    iovec bytes;
    sockaddr_storage to;
    socklen_t toBytes;
  } queued_[kSlots];
};

}  // namespace trunkline

#endif
