// Words of a leg's record: the same numbers as src/rtp/relay/layout.ts, kept equal by a test.
#ifndef TRUNKLINE_LAYOUT_H
#define TRUNKLINE_LAYOUT_H

#include <atomic>
#include <initializer_list>

namespace trunkline {

constexpr int kLegWords = 96;

enum Field : int {
  kVersion = 0,
  kInterval = 1,
  kPackets = 2,
  kBytes = 3,
  kRtcpPackets = 4,
  kRtcpBytes = 5,
  kExpected = 6,
  kReceived = 7,
  kReordered = 8,
  kDuplicates = 9,
  kJitterUs = 10,
  kJitterSumUs = 11,
  kJitterCount = 12,
  kJitterMaxUs = 13,
  kJitterMaxInterval = 14,
  kSsrc = 15,
  kLastPacketMs = 16,
  kSources = 17,
  kSettled = 18,
  kSettledLost = 19,
  kLossRuns = 20,
  kBursts = 21,
  kBurstPackets = 22,
  kBurstLost = 23,
  kSentPackets = 24,
  kSentBytes = 25,
  kSentRtcpPackets = 26,
  kSentRtcpBytes = 27,
  kReports = 28,
  kReportedLost = 29,
  kReportedJitterUs = 30,
  kReportedFractionLost = 31,
  kRttUs = 32,
  kRttSumUs = 33,
  kRttCount = 34,
  kVoipReports = 35,
  kVoipLossRate = 36,
  kVoipDiscardRate = 37,
  kVoipRFactor = 38,
  kVoipMosCq = 39,
  kPayloadTypes = 40,
  kDropped = 64,
};

constexpr int kPayloadTypeSlots = 12;

// In the order of DROP_REASONS.
enum Drop : int {
  kDropSource,
  kDropMalformed,
  kDropSrtpAuth,
  kDropSrtpReplay,
  kDropDirection,
  kDropStun,
  kDropDtls,
  kDropNotRtp,
  kDropRtcpMalformed,
  kDropUndescribed,
  kDropNoTarget,
  kDropPeerDirection,
  kDropSrtcpAuth,
  kDropSrtcpReplay,
  kDropInternal,
  kDropSrtpSources,
  kDropSrtpSeal,
  kDropTelephoneEvent,
  kDropReasons,
};

// A leg's record in the memory that JavaScript reads while it changes.
class Record {
 public:
  explicit Record(double* words) : words_(words) {}
  double& operator[](int word) { return words_[word]; }
  void drop(Drop reason) { words_[kDropped + reason] += 1; }
  // The words that a received packet counts in: three cache lines and the one of payload types.
  void prefetchReceived() const {
    for (int word : {int{kVersion}, int{kReordered}, int{kLastPacketMs}, int{kPayloadTypes}}) fetch(word);
  }
  // Those of one that is sent.
  void prefetchSent() const { fetch(kSentPackets); }

 private:
  void fetch(int word) const { __builtin_prefetch(words_ + word, 1); }
  double* words_;
};

// Holds a record's version odd for as long as it lives, so that a reader can tell a whole copy from a torn one.
class Update {
 public:
  explicit Update(Record& record) : record_(record) {
    record_[kVersion] += 1;
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Update() {
    std::atomic_thread_fence(std::memory_order_release);
    record_[kVersion] += 1;
  }
  Update(const Update&) = delete;
  Update& operator=(const Update&) = delete;

 private:
  Record& record_;
};

}  // namespace trunkline

#endif
