// One side of a session: the packet path proper, free of sockets and threads. The compiled twin of src/rtp/relay's leg,
// gate, cipher, renumberer and outlet; a test holds both equal over random packets.
//
//   packet -> classify -> srtp open -> decode -> gate -> direction -> account -> other leg: renumber, seal -> Departure
#ifndef TRUNKLINE_LEG_H
#define TRUNKLINE_LEG_H

#include <memory>
#include <vector>

#include "events.h"
#include "fork.h"
#include "latch.h"
#include "rtcp.h"
#include "srtp.h"
#include "stream.h"

namespace trunkline {

enum Side : uint8_t { kCustomer = 0, kRemote = 1 };

// What is known of a leg's peer; RemoteDescription in C++. Made in JavaScript's thread, with its SRTP contexts.
struct Description {
  Endpoint rtp;
  bool hasRtcpAddress = false;
  Address rtcpAddress;
  bool hasRtcpPort = false;
  uint16_t rtcpPort = 0;
  bool mux = false;
  bool sends = false;
  bool receives = false;
  bool udptl = false;
  // Telephone-events are left out of what goes to it, or played into it.
  bool splices = false;
  bool dropsEvents = false;
  LatchFacts latch;
  // Shared: calls differ little in their formats.
  std::shared_ptr<const PayloadTable> types;
  // SRTP: null contexts with `sealed` set mean that the keys are those of before.
  bool sealed = false;
  bool newReceiveKey = false;
  std::unique_ptr<SrtpContext> receive;
  std::unique_ptr<SrtpContext> send;
};

// A packet that leaves by the other leg's sockets.
struct Departure {
  bool rtcpSocket;
  Endpoint to;
  int length;
};

// What a leg tells; called in the relay's thread.
class LegEvents {
 public:
  virtual void onLatched(Side side, const Endpoint& source) = 0;
  virtual void onRefused(Side side, const Endpoint& source) = 0;
  // `word`: the four octets of a telephone-event payload (RFC 4733 §2.3).
  virtual void onTelephoneEvent(Side side, uint32_t word, uint32_t timestamp, double clockRateHz, double nowMs) = 0;
  virtual void onTimeout(Side side) = 0;

 protected:
  ~LegEvents() = default;
};

// Continues the sequence numbers of a sealed stream over its sender's restarts (see relay/renumberer.ts).
class Renumberer {
 public:
  uint16_t renumber(uint32_t ssrc, uint16_t sequence);

 private:
  bool started_ = false;
  uint32_t ssrc_ = 0;
  uint16_t offset_ = 0;
  uint16_t highest_ = 0;
};

class alignas(64) Leg {
 public:
  // `record`: the leg's words, cleared. `family`: 4 or 6, of its sockets.
  Leg(Side side, double* record, uint8_t family, LegEvents* events);

  void join(Leg* peer) { peer_ = peer; }
  void describe(std::unique_ptr<Description> description, double nowMs);

  // Fetch what a packet needs before its turn comes: with thousands of legs none of it is in the cache. The leg that it
  // comes to, the leg that it leaves by, and the keys of both, for which the first two must have come.
  void prefetch() const;
  void prefetchSending() const;
  void prefetchKeys() const;

  // A datagram came; it is worked on in place, in a buffer of `capacity`. True when `out` says that it goes on.
  bool onRtpPort(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out);
  bool onRtcpPort(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out);

  // A datagram came that is longer than any packet taken here.
  void dropOversized() { drop(kDropMalformed); }

  // A report of our own to this leg's peer, when one is due; sealed, ready to leave.
  bool report(Reporter* reporter, double nowMs, double wallMs, uint8_t* packet, int capacity, Departure* out);
  // The same, written only; 0 when there is nothing to tell.
  int composeReport(Reporter* reporter, double nowMs, double wallMs, uint8_t* packet, bool* sender);
  // Plays a telephone-event to this leg's peer, where its description says that it may.
  void play(const PlayedEvent& event);
  // Called every 10 ms while one is played: whether a packet of our own is to leave by this leg's sockets.
  bool playOn(double nowMs, uint8_t* packet, int capacity, Departure* out);
  bool plays() const { return splicer_ && splicer_->busy(); }
  // Settles figures that were waiting for late packets.
  void finish();

  // Copies of what goes by (fork.h). The leg owns none of them.
  void fork(Fork* fork);
  // Takes a fork out of the leg; false when it is not here.
  bool unfork(const Fork* fork);
  // Takes all of them out; a list.
  Fork* takeForks();

  bool described() const { return description_ != nullptr; }
  bool listening() const;
  // Where RTP is taken from; of no family before the first packet.
  const Endpoint& source() const { return rtpLatch_.latched(); }
  // Whether no stranger can take that place any more.
  bool settled(double nowMs) const { return rtpLatch_.isSettled(nowMs); }
  double lastHeardMs() const { return lastHeardMs_; }
  Side side() const { return side_; }

 private:
  bool onRtp(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out);
  bool onRtcp(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, bool muxed,
              Departure* out);
  bool onUdptl(uint8_t* packet, int length, const Endpoint& from, double nowMs, Departure* out);
  bool admit(const Endpoint& from, double nowMs, bool authentic, bool rtpPort);
  void refuse(const Endpoint& from);
  void aim();
  bool sendRtp(uint8_t* packet, int length, int capacity, const RtpView& view, Departure* out);
  bool sendRtcp(uint8_t* packet, int length, int capacity, Departure* out);
  void copySent(const uint8_t* packet, uint32_t flags, double nowMs, const Departure& departure);
  bool drop(Drop reason);
  bool dropForeign(const uint8_t* packet, int length);
  bool dropUnsent();

  static constexpr size_t kMaxRefusalsTold = 16;
  // From the start to the end of the first source's figures.
  static constexpr size_t kHotBytes = 448;
  // From the start to the end of what was sent.
  static constexpr size_t kSendingBytes = 128;
  // What each packet needs comes first and together: with thousands of legs, every line of it is fetched from afar.
  Leg* peer_ = nullptr;
  Fork* forks_ = nullptr;
  Record record_;
  // Of the description; null before the first.
  const PayloadTable* types_ = nullptr;
  std::unique_ptr<SrtpContext> receive_;
  std::unique_ptr<SrtpContext> send_;
  std::unique_ptr<EventSplicer> splicer_;
  double lastHeardMs_ = 0;
  const Side side_;
  const uint8_t family_;
  bool receives_ = false;
  bool udptl_ = false;
  // Where this leg's packets go, and whether they may.
  bool wanted_ = false;
  bool rtpOpen_ = false;
  bool udptlOpen_ = false;
  bool rtcpOpen_ = false;
  Endpoint rtpTarget_;
  SentStream sent_;
  Latch rtpLatch_;
  Reception reception_;
  std::unique_ptr<Description> description_;
  LegEvents* const events_;
  Renumberer renumberer_;
  Endpoint rtcpTarget_;
  Latch rtcpLatch_;
  RtcpReader reader_;
  // Sources whose refusal was told.
  std::vector<Endpoint> told_;
};

}  // namespace trunkline

#endif
