#include "stream.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "bytes.h"

namespace trunkline {
namespace {

constexpr int kMaxDropout = 3000;
constexpr int kMaxMisorder = 100;
// What is no farther from the pair that ends a probation is of the same stream.
constexpr int kNear = kMaxMisorder / 2 - 1;
constexpr int kWindowPackets = 128;
constexpr int kGmin = 16;
constexpr double kDiscontinuitySeconds = 3;
constexpr int kRtpHeaderBytes = 12;

}  // namespace

bool decodeRtp(const uint8_t* packet, int length, bool sealed, RtpView* view) {
  if (length < kRtpHeaderBytes || packet[0] >> 6 != 2) return false;
  view->payloadType = packet[1] & 0x7f;
  view->sequence = readU16(packet + 2);
  view->timestamp = readU32(packet + 4);
  view->ssrc = readU32(packet + 8);
  int offset = kRtpHeaderBytes + 4 * (packet[0] & 0x0f);
  if (offset > length) return false;
  if (packet[0] & 0x10) {
    if (offset + 4 > length) return false;
    offset += 4 + 4 * readU16(packet + offset + 2);
    if (offset > length) return false;
  }
  view->payloadOffset = offset;
  view->payloadBytes = length - offset;
  if ((packet[0] & 0x20) == 0 || sealed) return true;
  const int padding = view->payloadBytes == 0 ? 0 : packet[length - 1];
  if (padding == 0 || padding > view->payloadBytes) return false;
  view->payloadBytes -= padding;
  return true;
}

void JitterEstimator::update(uint32_t timestamp, double arrivalMs, double clock) {
  if (started_ && clock == clockRateHz) {
    const double step = static_cast<int32_t>(timestamp - timestamp_);
    const double distance = std::fabs(((arrivalMs - arrivalMs_) * clock) / 1000 - step);
    if (distance <= kDiscontinuitySeconds * clock) {
      valueTs += (distance - valueTs) / 16;
      known = true;
    }
  } else if (started_) {
    valueTs *= clock / clockRateHz;
  }
  started_ = true;
  timestamp_ = timestamp;
  arrivalMs_ = arrivalMs;
  clockRateHz = clock;
}

void LossPattern::received(Record& record) {
  record[kSettled] += 1;
  inLossRun_ = false;
  if (openLost_ > 0 && ++receivedSinceLoss_ >= kGmin) closeBurst(record);
}

void LossPattern::lost(Record& record) {
  record[kSettled] += 1;
  record[kSettledLost] += 1;
  if (!inLossRun_) record[kLossRuns] += 1;
  inLossRun_ = true;
  openPackets_ += receivedSinceLoss_ + 1;
  openLost_++;
  receivedSinceLoss_ = 0;
}

void LossPattern::end(Record& record) {
  closeBurst(record);
  inLossRun_ = false;
}

void LossPattern::closeBurst(Record& record) {
  if (openLost_ >= 2) {
    record[kBursts] += 1;
    record[kBurstPackets] += static_cast<double>(openPackets_);
    record[kBurstLost] += static_cast<double>(openLost_);
  }
  openPackets_ = 0;
  openLost_ = 0;
  receivedSinceLoss_ = 0;
}

void ReceptionWindow::start(int64_t extended) {
  bits_[0] = bits_[1] = 0;
  first_ = highest_ = extended;
  set(extended);
}

void ReceptionWindow::advance(int64_t extended, Record& record) {
  for (int64_t number = highest_ + 1; number <= extended; number++) {
    settle(number - kWindowPackets, record);
    bits_[number >> 6 & 1] &= ~(uint64_t{1} << (number & 63));
  }
  highest_ = extended;
  set(extended);
}

bool ReceptionWindow::fill(int64_t extended) {
  if (extended <= highest_ - kWindowPackets || has(extended)) return false;
  set(extended);
  if (extended < first_) first_ = extended;
  return true;
}

void ReceptionWindow::flush(Record& record) {
  for (int64_t number = highest_ - kWindowPackets + 1; number <= highest_; number++) settle(number, record);
  first_ = highest_ + 1;
  pattern_.end(record);
}

void ReceptionWindow::settle(int64_t number, Record& record) {
  if (number < first_) return;
  if (has(number)) {
    pattern_.received(record);
  } else {
    pattern_.lost(record);
  }
}

Verdict SequenceTracker::judge(uint16_t sequence) {
  if (!valid) {
    if (!trusted) return offerRestart(sequence);
    startAt(sequence);
    return Verdict::kAdvance;
  }
  const int ahead = static_cast<uint16_t>(sequence - static_cast<uint16_t>(extended));
  if (ahead < kMaxDropout) {
    extended += ahead;
    current = extended;
    if (candidate_ >= 0) forgive();
    return ahead == 0 ? Verdict::kLate : Verdict::kAdvance;
  }
  if (ahead > 0x10000 - kMaxMisorder) {
    current = extended - (0x10000 - ahead);
    return Verdict::kLate;
  }
  return offerRestart(sequence);
}

Verdict SequenceTracker::offerRestart(uint16_t sequence) {
  const bool proven = sequence == candidate_;
  remember(sequence);
  candidate_ = static_cast<uint16_t>(sequence + 1);
  return proven ? Verdict::kRestart : Verdict::kStray;
}

// The last ones are kept.
void SequenceTracker::remember(uint16_t sequence) {
  if (strayCount_ == kMaxStrays) {
    std::copy(strays_ + 1, strays_ + kMaxStrays, strays_);
    strayCount_--;
  }
  strays_[strayCount_++] = sequence;
}

int SequenceTracker::probation(uint16_t* numbers) {
  const uint16_t last = strays_[strayCount_ - 1];
  const auto isNear = [last](uint16_t number) { return std::abs(static_cast<int16_t>(number - last)) <= kNear; };
  const int count = static_cast<int>(std::copy_if(strays_, strays_ + strayCount_, numbers, isNear) - numbers);
  forgive();
  startAt(numbers[0]);
  return count;
}

void SequenceTracker::forgive() {
  candidate_ = -1;
  strayCount_ = 0;
}

void SequenceTracker::startAt(uint16_t sequence) {
  valid = true;
  extended = current = sequence + 0x10000;
}

bool Source::count(uint16_t sequence, Record& record) {
  const bool started = sequence_.valid;
  const int64_t highest = sequence_.extended;
  switch (sequence_.judge(sequence)) {
    case Verdict::kAdvance:
      advance(started, highest, record);
      return true;
    case Verdict::kLate:
      late(record);
      return true;
    case Verdict::kRestart:
      if (started) window_.flush(record);
      restart(record);
      return true;
    case Verdict::kStray:
      return false;
  }
  return false;
}

// Counts what came on probation as what it would have been had the source been known.
void Source::restart(Record& record) {
  uint16_t numbers[SequenceTracker::kMaxStrays];
  const int count = sequence_.probation(numbers);
  start(sequence_.extended, record);
  for (int at = 1; at < count; at++) this->count(numbers[at], record);
}

void Source::start(int64_t extended, Record& record) {
  first_ = extended;
  received_ = 1;
  expectedPrior_ = 0;
  receivedPrior_ = 0;
  record[kExpected] += 1;
  record[kReceived] += 1;
  record[kSources] += 1;
  window_.start(extended);
}

void Source::advance(bool started, int64_t highest, Record& record) {
  const int64_t extended = sequence_.extended;
  if (!started) return start(extended, record);
  received_++;
  record[kExpected] += static_cast<double>(extended - highest);
  record[kReceived] += 1;
  window_.advance(extended, record);
}

void Source::late(Record& record) {
  received_++;
  record[kReceived] += 1;
  const int64_t number = sequence_.current;
  if (!window_.fill(number)) {
    record[kDuplicates] += 1;
    return;
  }
  record[kReordered] += 1;
  if (number < first_) {
    record[kExpected] += static_cast<double>(first_ - number);
    first_ = number;
  }
}

void Source::finish(Record& record) {
  if (sequence_.valid) window_.flush(record);
}

SourceReport Source::report() {
  const int64_t expected = sequence_.extended - first_ + 1;
  const int64_t expectedInterval = expected - expectedPrior_;
  const int64_t lostInterval = expectedInterval - (received_ - receivedPrior_);
  expectedPrior_ = expected;
  receivedPrior_ = received_;
  const bool lossy = expectedInterval > 0 && lostInterval > 0;
  return {lossy ? static_cast<int>(lostInterval * 256 / expectedInterval) : 0, expected - received_,
          static_cast<uint32_t>(sequence_.extended - 0x10000), static_cast<uint32_t>(jitter.valueTs)};
}

Source* Reception::find(uint32_t ssrc) {
  for (int at = 0; at < count_; at++) {
    if (order_[at]->ssrc == ssrc) return order_[at];
  }
  return nullptr;
}

void Reception::onPacket(const RtpView& view, int sizeBytes, double arrivalMs, const PayloadTable& types,
                         Record& record) {
  record[kPackets] += 1;
  record[kBytes] += sizeBytes;
  record[kLastPacketMs] = arrivalMs;
  Source* source = current_ && current_->ssrc == view.ssrc ? current_ : select(view.ssrc, record);
  if (source->count(view.sequence, record) && source != current_) switchTo(source, record);
  source->lastTimestamp = view.timestamp;
  source->lastArrivalMs = arrivalMs;
  const int type = view.payloadType;
  const PayloadType& carried = types.types[type];
  if (carried.kind == kMedia) countType(type, record);
  if (carried.kind != kEvent && carried.clockRateHz > 0) time(source, view, arrivalMs, carried.clockRateHz, record);
}

void Reception::finish(Record& record) {
  for (int at = 0; at < count_; at++) order_[at]->finish(record);
  count_ = 0;
  current_ = nullptr;
}

void Reception::time(Source* source, const RtpView& view, double arrivalMs, double clockRateHz, Record& record) {
  source->jitter.update(view.timestamp, arrivalMs, clockRateHz);
  if (!source->jitter.known || source != current_) return;
  const double jitterUs = source->jitter.valueUs();
  record[kJitterUs] = jitterUs;
  record[kJitterSumUs] += jitterUs;
  record[kJitterCount] += 1;
  if (record[kJitterMaxInterval] != record[kInterval]) {
    record[kJitterMaxInterval] = record[kInterval];
    record[kJitterMaxUs] = jitterUs;
  } else if (jitterUs > record[kJitterMaxUs]) {
    record[kJitterMaxUs] = jitterUs;
  }
}

void Reception::countType(int type, Record& record) {
  if (type != lastType_) {
    lastType_ = type;
    lastTypeWord_ = 0;
    for (int word = kPayloadTypes; word < kPayloadTypes + 2 * kPayloadTypeSlots; word += 2) {
      if (record[word] == 0) record[word] = type + 1;
      if (record[word] != type + 1) continue;
      lastTypeWord_ = word + 1;
      break;
    }
  }
  if (lastTypeWord_ != 0) record[lastTypeWord_] += 1;
}

Source* Reception::select(uint32_t ssrc, Record& record) {
  if (Source* known = find(ssrc)) return known;
  Source* free = count_ < kMaxSources ? nullptr : evict(record);
  // A place that no source in order holds.
  for (int at = 0; !free; at++) {
    bool taken = false;
    for (int other = 0; other < count_; other++) taken = taken || order_[other] == place(at);
    if (!taken) free = place(at);
  }
  *free = Source(ssrc, trustNext_);
  trustNext_ = false;
  order_[count_++] = free;
  return free;
}

Source* Reception::place(int at) {
  if (at == 0) return &first_;
  if (!others_) others_ = std::make_unique<Source[]>(kMaxSources - 1);
  return &others_[static_cast<size_t>(at - 1)];
}

// The source unheard of for longest makes room, but never the current one.
Source* Reception::evict(Record& record) {
  int oldest = 0;
  for (int at = 0; at < count_; at++) {
    if (order_[at] != current_ && order_[at]->lastArrivalMs < order_[oldest]->lastArrivalMs) oldest = at;
  }
  if (order_[oldest] == current_) oldest = oldest == 0 ? 1 : 0;
  Source* gone = order_[oldest];
  gone->finish(record);
  count_--;
  for (int at = oldest; at < count_; at++) order_[at] = order_[at + 1];
  return gone;
}

void Reception::switchTo(Source* source, Record& record) {
  current_ = source;
  record[kSsrc] = source->ssrc;
  record[kJitterUs] = source->jitter.known ? source->jitter.valueUs() : -1;
}

}  // namespace trunkline
