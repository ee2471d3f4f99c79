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
  kExpected = 4,
  kReceived = 5,
  kLastPacketMs = 6,
  kSettled = 7,
  kJitterUs = 8,
  kJitterSumUs = 9,
  kJitterCount = 10,
  kJitterMaxUs = 11,
  kJitterMaxInterval = 12,
  kSentPackets = 13,
  kSentBytes = 14,
  kSsrc = 15,
  kPayloadTypes = 16,
  kRtcpPackets = 40,
  kRtcpBytes = 41,
  kReordered = 42,
  kDuplicates = 43,
  kSources = 44,
  kSettledLost = 45,
  kLossRuns = 46,
  kBursts = 47,
  kBurstPackets = 48,
  kBurstLost = 49,
  kSentRtcpPackets = 50,
  kSentRtcpBytes = 51,
  kReports = 52,
  kReportedLost = 53,
  kReportedJitterUs = 54,
  kReportedFractionLost = 55,
  kRttUs = 56,
  kRttSumUs = 57,
  kRttCount = 58,
  kVoipReports = 59,
  kVoipLossRate = 60,
  kVoipDiscardRate = 61,
  kVoipRFactor = 62,
  kVoipMosCq = 63,
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
  // The words that a packet counts in, received or sent: they lie together at the start.
  static void prefetchReceived(const double* words) { fetch(words, kPayloadTypes + 2); }
  static void prefetchSent(const double* words) { fetch(words + kSentPackets, 2); }

 private:
  // A record need not start where a line of the cache does.
  static void fetch(const double* words, int count) {
    for (int word = 0; word < count; word += 8) __builtin_prefetch(words + word, 1);
    __builtin_prefetch(words + count - 1, 1);
  }
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
