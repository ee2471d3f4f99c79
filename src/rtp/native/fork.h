// Copies of packets for a consumer in JavaScript: the compiled twin of src/rtp/fork's writer; fork/layout.ts says what
// lies where in the shared memory. Nothing is allocated per packet, nobody is woken, and a full queue costs a count.
#ifndef TRUNKLINE_FORK_H
#define TRUNKLINE_FORK_H

#include <cstdint>
#include <memory>

#include "latch.h"

namespace trunkline {

enum class ForkPoint : uint8_t { kReceived = 0, kPlain = 1, kSent = 2 };

enum ForkFlag : uint32_t { kForkRtcp = 1, kForkUdptl = 2, kForkRtcpSocket = 4, kForkSix = 8 };

// What is told of a packet beside its bytes.
struct ForkFacts {
  double atMs;
  // Of ForkFlag; the address' version is added.
  uint32_t flags;
  const Endpoint& peer;
};

// One fork of a leg. Made and freed in JavaScript's thread, used in the relay's in between.
class Fork {
 public:
  static constexpr int kHeadWord = 0;
  static constexpr int kTailWord = 16;
  static constexpr int kCopiedWord = 1;
  static constexpr int kDroppedWord = 2;
  static constexpr int kOversizedWord = 3;
  static constexpr int kFirstSlotByte = 128;
  static constexpr int kSlotBytes = 2112;
  static constexpr int kAtMsByte = 0;
  static constexpr int kLengthByte = 8;
  static constexpr int kFlagsByte = 12;
  static constexpr int kPortByte = 16;
  static constexpr int kAddressByte = 20;
  static constexpr int kPacketByte = 64;
  static constexpr int kMaxPacketBytes = 2048;

  // `owner` keeps `memory` alive; it is let go in the thread that frees the fork.
  Fork(uint32_t number, ForkPoint point, uint8_t* memory, uint32_t maxQueued, std::shared_ptr<void> owner);
  // Octets of memory that a queue of `maxQueued` packets needs.
  static size_t memoryBytes(uint32_t maxQueued);

  const uint32_t id;
  // Links the forks of a leg, later those that the relay's thread has given up.
  Fork* next = nullptr;

  // Over all forks of a list:
  // a datagram as it came, before it is opened in its place;
  static void hold(Fork* forks, const uint8_t* packet, int length);
  // it was accepted, and is this when opened; `held`: `hold` saw it before;
  static void accepted(Fork* forks, const uint8_t* plain, int length, bool held, const ForkFacts& facts);
  static void sent(Fork* forks, const uint8_t* wire, int length, const ForkFacts& facts);

 private:
  void hold(const uint8_t* packet, int length);
  void commit(const ForkFacts& facts);
  uint8_t* slot() const { return memory_ + kFirstSlotByte + size_t{head_ & mask_} * kSlotBytes; }
  uint32_t* word(int at) const { return reinterpret_cast<uint32_t*>(memory_) + at; }
  void count(int at) { reinterpret_cast<double*>(memory_)[at] += 1; }

  static constexpr int kFull = -1;
  static constexpr int kOversized = -2;
  uint8_t* const memory_;
  const uint32_t maxQueued_;
  const uint32_t mask_;
  uint32_t head_ = 0;
  // Length of the packet in the next slot; negative: why there is none.
  int held_ = kFull;
  const ForkPoint point_;
  const std::shared_ptr<void> owner_;
};

}  // namespace trunkline

#endif
