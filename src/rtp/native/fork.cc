#include "fork.h"

#include <cstring>

#include "values.h"

namespace trunkline {
namespace {

// The next power of two: slots of a queue of so many packets.
uint32_t slotsFor(uint32_t maxQueued) {
  uint32_t slots = 1;
  while (slots < maxQueued) slots *= 2;
  return slots;
}

template <class Value>
void write(uint8_t* at, Value value) {
  memcpy(at, &value, sizeof value);
}

}  // namespace

Fork::Fork(uint32_t number, ForkPoint point, uint8_t* memory, uint32_t maxQueued, std::shared_ptr<void> owner)
    : id(number),
      memory_(memory),
      maxQueued_(maxQueued),
      mask_(slotsFor(maxQueued) - 1),
      point_(point),
      owner_(std::move(owner)) {}

size_t Fork::memoryBytes(uint32_t maxQueued) { return kFirstSlotByte + size_t{slotsFor(maxQueued)} * kSlotBytes; }

void Fork::hold(Fork* forks, const uint8_t* packet, int length) {
  for (Fork* fork = forks; fork; fork = fork->next) {
    if (fork->point_ == ForkPoint::kReceived) fork->hold(packet, length);
  }
}

void Fork::accepted(Fork* forks, const uint8_t* plain, int length, bool held, const ForkFacts& facts) {
  for (Fork* fork = forks; fork; fork = fork->next) {
    if (fork->point_ == ForkPoint::kSent) continue;
    if (fork->point_ == ForkPoint::kPlain || !held) fork->hold(plain, length);
    fork->commit(facts);
  }
}

void Fork::sent(Fork* forks, const uint8_t* wire, int length, const ForkFacts& facts) {
  for (Fork* fork = forks; fork; fork = fork->next) {
    if (fork->point_ != ForkPoint::kSent) continue;
    fork->hold(wire, length);
    fork->commit(facts);
  }
}

// Writes the slot that comes next without giving it to the reader: it is not known yet whether the packet counts.
void Fork::hold(const uint8_t* packet, int length) {
  const uint32_t tail = __atomic_load_n(word(kTailWord), __ATOMIC_ACQUIRE);
  if (length > kMaxPacketBytes) {
    held_ = kOversized;
  } else if (head_ - tail >= maxQueued_) {
    held_ = kFull;
  } else {
    memcpy(slot() + kPacketByte, packet, static_cast<size_t>(length));
    held_ = length;
  }
}

void Fork::commit(const ForkFacts& facts) {
  if (held_ < 0) return count(held_ == kFull ? kDroppedWord : kOversizedWord);
  const Address& address = facts.peer.address;
  uint8_t* at = slot();
  write(at + kAtMsByte, facts.atMs);
  write(at + kLengthByte, static_cast<uint32_t>(held_));
  write(at + kFlagsByte, facts.flags | (address.family == 6 ? kForkSix : 0u));
  write(at + kPortByte, uint32_t{facts.peer.port});
  memcpy(at + kAddressByte, address.bytes, sizeof address.bytes);
  count(kCopiedWord);
  head_++;
  __atomic_store_n(word(kHeadWord), head_, __ATOMIC_RELEASE);
}

// forkLayout() -> the numbers of fork/layout.ts, for the test that keeps both equal
static napi_value forkLayout(napi_env env, napi_callback_info) {
  const struct {
    const char* name;
    int value;
  } numbers[] = {
      {"headWord", Fork::kHeadWord},
      {"tailWord", Fork::kTailWord},
      {"copiedWord", Fork::kCopiedWord},
      {"droppedWord", Fork::kDroppedWord},
      {"oversizedWord", Fork::kOversizedWord},
      {"firstSlotByte", Fork::kFirstSlotByte},
      {"slotBytes", Fork::kSlotBytes},
      {"atMsByte", Fork::kAtMsByte},
      {"lengthByte", Fork::kLengthByte},
      {"flagsByte", Fork::kFlagsByte},
      {"portByte", Fork::kPortByte},
      {"addressByte", Fork::kAddressByte},
      {"packetByte", Fork::kPacketByte},
      {"maxPacketBytes", Fork::kMaxPacketBytes},
      {"rtcp", kForkRtcp},
      {"udptl", kForkUdptl},
      {"rtcpSocket", kForkRtcpSocket},
      {"six", kForkSix},
  };
  napi_value result = nullptr;
  napi_create_object(env, &result);
  for (const auto& each : numbers) set(env, result, each.name, number(env, each.value));
  return result;
}

void exportForkLayout(napi_env env, napi_value exports) { setFunction(env, exports, "forkLayout", forkLayout); }

}  // namespace trunkline
