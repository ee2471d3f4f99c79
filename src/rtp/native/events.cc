#include "events.h"

#include <algorithm>
#include <cmath>

#include "bytes.h"

namespace trunkline {
namespace {

constexpr int kMaxMisorder = 100;
constexpr int kEnds = 3;
constexpr double kPauseMs = 40;
constexpr double kMaxDurationTs = 0xffff;
constexpr uint8_t kVolume = 10;
constexpr double kPacketMs = 20;
constexpr double kSilentMs = 60;
constexpr double kMaxStepMs = 200;
constexpr int kHeaderBytes = 12;

// The payload type of events on the stream's clock, else any; -1 where the peer takes none.
int eventType(const PayloadTable& types, double streamRateHz) {
  int found = -1;
  for (int type = 0; type < 128; type++) {
    if (types.types[type].kind != kEvent || types.types[type].clockRateHz <= 0) continue;
    if (types.types[type].clockRateHz == streamRateHz) return type;
    if (found < 0) found = type;
  }
  return found;
}

void writeU16(uint8_t* at, uint16_t word) {
  at[0] = static_cast<uint8_t>(word >> 8);
  at[1] = static_cast<uint8_t>(word);
}

}  // namespace

void SequenceSplice::start(uint32_t number, uint16_t sequence) {
  known = true;
  ssrc = number;
  highest_ = sequence + 0x10000;
  offset_ = 0;
  count_ = 0;
}

uint16_t SequenceSplice::ahead(uint16_t sequence) const { return static_cast<uint16_t>(sequence - highest_); }

bool SequenceSplice::isLate(uint16_t sequence) const {
  const int distance = ahead(sequence);
  return distance == 0 || distance > 0x10000 - kMaxMisorder;
}

uint16_t SequenceSplice::pass(uint16_t sequence) {
  if (isLate(sequence)) {
    const int64_t number = highest_ - static_cast<uint16_t>(highest_ - sequence);
    return static_cast<uint16_t>(number + offsetAt(number));
  }
  highest_ += ahead(sequence);
  return static_cast<uint16_t>(highest_ + offset_);
}

void SequenceSplice::leaveOut(uint16_t sequence) {
  if (isLate(sequence)) return;
  highest_ += ahead(sequence);
  change(highest_, -1);
}

uint16_t SequenceSplice::putIn() {
  change(highest_ + 1, 1);
  return static_cast<uint16_t>(highest_ + offset_);
}

void SequenceSplice::change(int64_t from, int by) {
  changes_[count_++ % kChanges] = {from, offset_};
  offset_ += by;
}

int64_t SequenceSplice::offsetAt(int64_t number) const {
  int64_t offset = offset_;
  const int64_t oldest = std::max<int64_t>(0, count_ - kChanges);
  for (int64_t at = count_ - 1; at >= oldest; at--) {
    const Change& change = changes_[at % kChanges];
    if (change.from <= number) break;
    offset = change.offsetBefore;
  }
  return offset;
}

const PlayedEvent* EventPlayer::due(double nowMs) const {
  return !playing_ && waiting_ > 0 && nowMs >= resumeMs_ ? &queue_[first_] : nullptr;
}

void EventPlayer::add(const PlayedEvent& event) {
  if (waiting_ < kMaxWaiting) queue_[(first_ + waiting_++) % kMaxWaiting] = event;
}

void EventPlayer::clear() {
  waiting_ = 0;
  playing_ = false;
}

bool EventPlayer::begin(const PayloadTable& types, double streamRateHz) {
  const PlayedEvent event = queue_[first_];
  first_ = (first_ + 1) % kMaxWaiting;
  waiting_--;
  const int type = eventType(types, streamRateHz);
  if (type < 0) return false;
  playing_ = true;
  event_ = event.event;
  payloadType = static_cast<uint8_t>(type);
  clockRateHz = types.types[type].clockRateHz;
  totalTs_ = std::fmin(kMaxDurationTs, std::floor((event.durationMs * clockRateHz) / 1000));
  durationTs_ = 0;
  endsLeft_ = kEnds;
  marker = true;
  return true;
}

void EventPlayer::write(uint8_t* payload, double stepTs, double nowMs) {
  durationTs_ = std::fmin(totalTs_, durationTs_ + stepTs);
  const bool ends = durationTs_ >= totalTs_;
  payload[0] = event_;
  payload[1] = ends ? 0x80 | kVolume : kVolume;
  writeU16(payload + 2, static_cast<uint16_t>(durationTs_));
  marker = false;
  if (!ends || --endsLeft_ > 0) return;
  playing_ = false;
  resumeMs_ = nowMs + kPauseMs;
}

int EventSplicer::pass(uint8_t* packet, int length, Kind kind, double nowMs, RtpView* view) {
  if (kind == kEvent && leavesOut_) {
    if (!splice_.known) splice_.start(view->ssrc, static_cast<uint16_t>(view->sequence - 1));
    if (view->ssrc == splice_.ssrc) splice_.leaveOut(view->sequence);
    return -1;
  }
  if (!splice_.known || view->ssrc != splice_.ssrc) {
    // An event stays in the stream where it began; the new one goes on beside it.
    if (player_.playing()) return length;
    start(*view);
    if (isDue(kind, nowMs)) return replace(packet, length, view->sequence, nowMs, view);
    note(*view, nowMs);
    return length;
  }
  const bool late = splice_.isLate(view->sequence);
  const uint16_t number = splice_.pass(view->sequence);
  if (!late && isDue(kind, nowMs)) return replace(packet, length, number, nowMs, view);
  if (!late) note(*view, nowMs);
  return renumber(packet, length, number, view);
}

int EventSplicer::originate(uint8_t* packet, const Source* source, double nowMs, RtpView* view) {
  if (nowMs - passedMs_ < kSilentMs) return 0;
  if (!player_.playing() && !beginSilent(source, nowMs)) return 0;
  if (nowMs < nextMs_) return 0;
  nextMs_ = std::fmax(nextMs_, nowMs - kPacketMs) + kPacketMs;
  return write(packet, splice_.putIn(), std::floor((kPacketMs * player_.clockRateHz) / 1000), nowMs, view);
}

void EventSplicer::start(const RtpView& view) {
  splice_.start(view.ssrc, view.sequence);
  streamRateHz_ = 0;
}

bool EventSplicer::isDue(Kind kind, double nowMs) const {
  return kind != kEvent && (player_.playing() || player_.due(nowMs));
}

void EventSplicer::note(const RtpView& view, double nowMs) {
  timestamp_ = view.timestamp;
  arrivalMs_ = passedMs_ = nowMs;
  streamRateHz_ = types_->types[view.payloadType].clockRateHz;
}

int EventSplicer::replace(uint8_t* packet, int length, uint16_t number, double nowMs, RtpView* view) {
  const double passedTs = static_cast<uint32_t>(view->timestamp - timestamp_);
  const double rateHz = streamRateHz_;
  const bool known = rateHz > 0 && passedTs > 0 && passedTs * 1000 <= kMaxStepMs * rateHz;
  note(*view, nowMs);
  if (!player_.playing()) {
    player_.timestamp = view->timestamp;
    if (!player_.begin(*types_, streamRateHz_)) return renumber(packet, length, number, view);
  }
  nextMs_ = nowMs;
  const double step = known ? (passedTs * player_.clockRateHz) / rateHz : (kPacketMs * player_.clockRateHz) / 1000;
  return write(packet, number, std::floor(step), nowMs, view);
}

int EventSplicer::renumber(uint8_t* packet, int length, uint16_t number, RtpView* view) {
  writeU16(packet + 2, number);
  view->sequence = number;
  return length;
}

bool EventSplicer::beginSilent(const Source* source, double nowMs) {
  const PlayedEvent* event = player_.due(nowMs);
  if (!event) return false;
  if (!splice_.known) takeUp(*event, source, nowMs);
  if (!player_.begin(*types_, streamRateHz_)) return false;
  const double rateHz = streamRateHz_ > 0 ? streamRateHz_ : player_.clockRateHz;
  const double elapsedTs = std::floor(((nowMs - arrivalMs_) * rateHz) / 1000);
  player_.timestamp = timestamp_ + static_cast<uint32_t>(static_cast<int64_t>(elapsedTs));
  nextMs_ = nowMs;
  return true;
}

void EventSplicer::takeUp(const PlayedEvent& event, const Source* source, double nowMs) {
  splice_.start(source ? source->ssrc : event.ssrc, source ? source->highest() : event.sequence);
  timestamp_ = source ? source->lastTimestamp : event.timestamp;
  arrivalMs_ = source ? source->lastArrivalMs : nowMs;
  streamRateHz_ = source ? source->jitter.clockRateHz : 0;
}

int EventSplicer::write(uint8_t* packet, uint16_t number, double stepTs, double nowMs, RtpView* view) {
  *view = {player_.payloadType, number, player_.timestamp, splice_.ssrc, kHeaderBytes, kPacketBytes - kHeaderBytes};
  packet[0] = 0x80;
  packet[1] = static_cast<uint8_t>((player_.marker ? 0x80 : 0) | player_.payloadType);
  writeU16(packet + 2, number);
  writeU32(packet + 4, player_.timestamp);
  writeU32(packet + 8, splice_.ssrc);
  player_.write(packet + kHeaderBytes, stepTs, nowMs);
  return kPacketBytes;
}

}  // namespace trunkline
