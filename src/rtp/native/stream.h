// Reception statistics of the RTP that one peer sends (RFC 3550 §6.4, A.1, A.3, A.8; RFC 3611 §4.7.2): the compiled
// twin of src/rtp/stream, where each rule is explained. Operations on doubles come in the same order, so that both
// count alike to the last bit.
#ifndef TRUNKLINE_STREAM_H
#define TRUNKLINE_STREAM_H

#include <cstdint>
#include <memory>

#include "layout.h"

namespace trunkline {

// What a payload type carries.
enum Kind : uint8_t { kMedia = 0, kEvent = 1, kNoise = 2 };

struct PayloadType {
  double clockRateHz;
  Kind kind;
};

struct PayloadTable {
  PayloadType types[128] = {};

  bool operator==(const PayloadTable& other) const {
    for (int type = 0; type < 128; type++) {
      const PayloadType& one = types[type];
      if (one.clockRateHz != other.types[type].clockRateHz || one.kind != other.types[type].kind) return false;
    }
    return true;
  }
};

// The RTP fixed header (RFC 3550 §5.1).
struct RtpView {
  uint8_t payloadType;
  uint16_t sequence;
  uint32_t timestamp;
  uint32_t ssrc;
  int payloadOffset;
  int payloadBytes;
};

// False when the packet is not sound. `sealed`: the padding count is still encrypted.
bool decodeRtp(const uint8_t* packet, int length, bool sealed, RtpView* view);

class JitterEstimator {
 public:
  void update(uint32_t timestamp, double arrivalMs, double clockRateHz);
  double valueUs() const { return clockRateHz == 0 ? 0 : (valueTs * 1000000) / clockRateHz; }

  double valueTs = 0;
  bool known = false;
  double clockRateHz = 0;

 private:
  bool started_ = false;
  uint32_t timestamp_ = 0;
  double arrivalMs_ = 0;
};

class LossPattern {
 public:
  void received(Record& record);
  void lost(Record& record);
  void end(Record& record);

 private:
  void closeBurst(Record& record);
  bool inLossRun_ = false;
  int64_t openPackets_ = 0;
  int64_t openLost_ = 0;
  int64_t receivedSinceLoss_ = 0;
};

// Which of the last 128 packets came.
class ReceptionWindow {
 public:
  void start(int64_t extended);
  void advance(int64_t extended, Record& record);
  bool fill(int64_t extended);
  void flush(Record& record);

 private:
  void settle(int64_t number, Record& record);
  bool has(int64_t number) const { return bits_[number >> 6 & 1] >> (number & 63) & 1; }
  void set(int64_t number) { bits_[number >> 6 & 1] |= uint64_t{1} << (number & 63); }
  LossPattern pattern_;
  uint64_t bits_[2] = {};
  int64_t first_ = 0;
  int64_t highest_ = -1;
};

enum class Verdict { kAdvance, kLate, kStray, kRestart };

class SequenceTracker {
 public:
  Verdict judge(uint16_t sequence);
  // After kRestart: the numbers to count from the start, in order of arrival, the one just judged last. Ends the
  // probation. Gives how many there are.
  int probation(uint16_t* numbers);
  static constexpr int kMaxStrays = 8;

  bool trusted = false;
  bool valid = false;
  int64_t extended = 0;
  int64_t current = 0;

 private:
  Verdict offerRestart(uint16_t sequence);
  void remember(uint16_t sequence);
  void forgive();
  void startAt(uint16_t sequence);
  int candidate_ = -1;
  int strayCount_ = 0;
  uint16_t strays_[kMaxStrays];
};

// Figures of one source for a report block (RFC 3550 §6.4.1).
struct SourceReport {
  int fractionLost;
  int64_t cumulativeLost;
  uint32_t extendedHighest;
  uint32_t jitterTs;
};

class Source {
 public:
  Source() = default;
  Source(uint32_t number, bool trusted) : ssrc(number) { sequence_.trusted = trusted; }
  // False for a packet that belongs to no valid sequence.
  bool count(uint16_t sequence, Record& record);
  void finish(Record& record);
  SourceReport report();
  // Highest sequence number that came.
  uint16_t highest() const { return static_cast<uint16_t>(sequence_.extended); }

  uint32_t ssrc = 0;
  JitterEstimator jitter;
  uint32_t lastSr = 0;
  double lastSrMs = 0;
  uint32_t lastTimestamp = 0;
  double lastArrivalMs = 0;

 private:
  void start(int64_t extended, Record& record);
  void restart(Record& record);
  void advance(bool started, int64_t highest, Record& record);
  void late(Record& record);
  SequenceTracker sequence_;
  ReceptionWindow window_;
  int64_t first_ = 0;
  int64_t received_ = 0;
  int64_t expectedPrior_ = 0;
  int64_t receivedPrior_ = 0;
};

class Reception {
 public:
  void onPacket(const RtpView& view, int sizeBytes, double arrivalMs, const PayloadTable& types, Record& record);
  void finish(Record& record);
  void trustNext() { trustNext_ = true; }
  Source* current() { return current_; }
  Source* find(uint32_t ssrc);

 private:
  static constexpr int kMaxSources = 4;
  Source* select(uint32_t ssrc, Record& record);
  Source* evict(Record& record);
  void time(Source* source, const RtpView& view, double arrivalMs, double clockRateHz, Record& record);
  void countType(int type, Record& record);
  void switchTo(Source* source, Record& record);
  Source* place(int at);
  Source* current_ = nullptr;
  int lastType_ = -1;
  int lastTypeWord_ = 0;
  Source first_;
  bool trustNext_ = true;
  int count_ = 0;
  // In order of appearance.
  Source* order_[kMaxSources] = {};
  // Few peers ever have more than one: room is made for them when they come.
  std::unique_ptr<Source[]> others_;
};

}  // namespace trunkline

#endif
