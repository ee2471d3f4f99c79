// Telephone-events left out of a stream, or played into it (RFC 4733): the compiled twin of src/rtp/relay's
// sequence-splice, event-player and event-splicer, where each rule is explained.
#ifndef TRUNKLINE_EVENTS_H
#define TRUNKLINE_EVENTS_H

#include <cstdint>

#include "stream.h"

namespace trunkline {

// An event to play, and where its stream begins should there be none to continue.
struct PlayedEvent {
  uint8_t event = 0;
  double durationMs = 0;
  uint32_t ssrc = 0;
  uint16_t sequence = 0;
  uint32_t timestamp = 0;
};

// Sequence numbers of a stream from which packets are left out and into which others are put.
class SequenceSplice {
 public:
  void start(uint32_t ssrc, uint16_t sequence);
  bool isLate(uint16_t sequence) const;
  uint16_t pass(uint16_t sequence);
  void leaveOut(uint16_t sequence);
  uint16_t putIn();

  bool known = false;
  uint32_t ssrc = 0;

 private:
  static constexpr int kChanges = 64;
  struct Change {
    int64_t from;
    int64_t offsetBefore;
  };
  uint16_t ahead(uint16_t sequence) const;
  void change(int64_t from, int by);
  int64_t offsetAt(int64_t number) const;
  int64_t highest_ = 0;
  int64_t offset_ = 0;
  int64_t count_ = 0;
  Change changes_[kChanges];
};

// What the next packet of an event holds.
class EventPlayer {
 public:
  bool playing() const { return playing_; }
  bool busy() const { return playing_ || waiting_ > 0; }
  const PlayedEvent* due(double nowMs) const;
  void add(const PlayedEvent& event);
  void clear();
  bool begin(const PayloadTable& types, double streamRateHz);
  void write(uint8_t* payload, double stepTs, double nowMs);

  uint32_t timestamp = 0;
  uint8_t payloadType = 0;
  double clockRateHz = 0;
  bool marker = false;

 private:
  static constexpr int kMaxWaiting = 64;
  bool playing_ = false;
  uint8_t event_ = 0;
  double totalTs_ = 0;
  double durationTs_ = 0;
  int endsLeft_ = 0;
  double resumeMs_ = 0;
  int first_ = 0;
  int waiting_ = 0;
  PlayedEvent queue_[kMaxWaiting];
};

class EventSplicer {
 public:
  static constexpr int kPacketBytes = 16;

  void describe(const PayloadTable* types, bool leavesOut) {
    types_ = types;
    leavesOut_ = leavesOut;
  }
  bool busy() const { return player_.busy(); }
  void play(const PlayedEvent& event) { player_.add(event); }
  void clear() { player_.clear(); }
  // Deals with a packet on its way to the peer, in place, in a buffer of `kPacketBytes` at least; its length as it goes
  // on, or -1 for an event that the peer does not take.
  int pass(uint8_t* packet, int length, Kind kind, double nowMs, RtpView* view);
  // Writes a packet of our own, when one is due and the stream is silent; its length, or 0.
  int originate(uint8_t* packet, const Source* source, double nowMs, RtpView* view);

 private:
  void start(const RtpView& view);
  bool isDue(Kind kind, double nowMs) const;
  void note(const RtpView& view, double nowMs);
  int replace(uint8_t* packet, int length, uint16_t number, double nowMs, RtpView* view);
  static int renumber(uint8_t* packet, int length, uint16_t number, RtpView* view);
  bool beginSilent(const Source* source, double nowMs);
  void takeUp(const PlayedEvent& event, const Source* source, double nowMs);
  int write(uint8_t* packet, uint16_t number, double stepTs, double nowMs, RtpView* view);

  SequenceSplice splice_;
  EventPlayer player_;
  // The leg's description's, which lives as long as this is described by it.
  const PayloadTable* types_ = nullptr;
  bool leavesOut_ = false;
  uint32_t timestamp_ = 0;
  double arrivalMs_ = 0;
  double passedMs_ = -1e18;
  double streamRateHz_ = 0;
  double nextMs_ = 0;
};

}  // namespace trunkline

#endif
