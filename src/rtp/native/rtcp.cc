#include "rtcp.h"

#include <cmath>
#include <cstring>

#include "bytes.h"

namespace trunkline {
namespace {

enum Type : uint8_t { kSr = 200, kRr = 201, kSdes = 202, kBye = 203, kApp = 204, kXr = 207 };

constexpr int kBlockBytes = 24;
constexpr int kSenderInfoBytes = 24;
constexpr uint8_t kCname = 1;
constexpr double kIntervalMs = 5000;
constexpr double kCompensation = 2.718281828459045 - 1.5;
constexpr double kSenderMs = 2 * kIntervalMs;
constexpr double kNtpEpochSeconds = 2208988800.0;

// One packet of a compound; `end` excludes padding.
struct Slice {
  uint8_t type;
  int count;
  const uint8_t* body;
  const uint8_t* end;
};

// The packet at `at`; false when its header, length or padding is unsound. `next` is where the following one starts.
bool sliceAt(const uint8_t* datagram, int length, int at, Slice* slice, int* next) {
  const uint8_t* header = datagram + at;
  if (at + 4 > length || header[0] >> 6 != 2) return false;
  *next = at + 4 + 4 * readU16(header + 2);
  if (*next > length) return false;
  *slice = {header[1], header[0] & 0x1f, header + 4, datagram + *next};
  if ((header[0] & 0x20) == 0) return true;
  const int padding = datagram[*next - 1];
  const int room = *next - at - 4;
  if (at == 0 || *next != length || padding == 0 || padding % 4 != 0 || padding > room) return false;
  slice->end -= padding;
  return true;
}

// RFC 3550 §6.5: items end with a null and fill up to a 32-bit boundary of the datagram.
bool areChunksSound(const uint8_t* datagram, const Slice& slice) {
  const uint8_t* at = slice.body;
  for (int chunk = 0; chunk < slice.count; chunk++) {
    if (at + 4 > slice.end) return false;
    at += 4;
    while (at < slice.end && *at != 0) {
      if (at + 2 > slice.end || at + 2 + at[1] > slice.end) return false;
      at += 2 + at[1];
    }
    if (at >= slice.end) return false;
    at += 4 - ((at - datagram) & 3);
  }
  return true;
}

bool isContentSound(const uint8_t* datagram, const Slice& slice) {
  const long size = slice.end - slice.body;
  switch (slice.type) {
    case kSr:
      return size >= kSenderInfoBytes + kBlockBytes * slice.count;
    case kRr:
      return size >= 4 + kBlockBytes * slice.count;
    case kSdes:
      return areChunksSound(datagram, slice);
    case kBye:
      return size >= 4 * slice.count;
    case kApp:
      return size >= 8;
    case kXr:
      return size >= 4;
    default:
      return true;
  }
}

uint32_t middleOf(const uint8_t* senderBody) { return readU32(senderBody + 6); }

// Header and first word; returns where the contents go on.
uint8_t* writeHeader(uint8_t* out, uint8_t type, int count, int bytes, uint32_t ssrc) {
  out[0] = static_cast<uint8_t>(0x80 | count);
  out[1] = type;
  out[2] = static_cast<uint8_t>((bytes / 4 - 1) >> 8);
  out[3] = static_cast<uint8_t>(bytes / 4 - 1);
  writeU32(out + 4, ssrc);
  return out + 8;
}

int writeDescription(uint8_t* out, uint32_t ssrc, const void* cname, int cnameBytes) {
  const int used = 4 + 2 + cnameBytes;
  const int bytes = 4 + used + 4 - (used & 3);
  memset(out, 0, static_cast<size_t>(bytes));
  uint8_t* at = writeHeader(out, kSdes, 1, bytes, ssrc);
  at[0] = kCname;
  at[1] = static_cast<uint8_t>(cnameBytes);
  memcpy(at + 2, cname, static_cast<size_t>(cnameBytes));
  return bytes;
}

// uint32 of a double that may exceed it: wraps as the counters on the wire do.
uint32_t wrap32(double value) { return static_cast<uint32_t>(static_cast<uint64_t>(value)); }

}  // namespace

bool isSoundRtcp(const uint8_t* datagram, int length) {
  if (length < 8 || length % 4 != 0) return false;
  Slice slice;
  for (int at = 0, next; at < length; at = next) {
    if (!sliceAt(datagram, length, at, &slice, &next)) return false;
    if (at == 0 && slice.type != kSr && slice.type != kRr) return false;
    if (!isContentSound(datagram, slice)) return false;
  }
  return true;
}

void SrLedger::note(uint32_t middle, double sentMs) {
  middle_[next_] = middle;
  sentMs_[next_] = sentMs;
  next_ = (next_ + 1) % kKept;
}

void SrLedger::noteAll(const uint8_t* datagram, int length, double sentMs) {
  Slice slice;
  for (int at = 0, next; at < length && sliceAt(datagram, length, at, &slice, &next); at = next) {
    if (slice.type == kSr) note(middleOf(slice.body), sentMs);
  }
}

double SrLedger::roundTripUs(uint32_t lastSr, uint32_t delaySinceLastSr, double nowMs) const {
  if (lastSr == 0) return -1;
  for (int at = 0; at < kKept; at++) {
    if (middle_[at] != lastSr) continue;
    return std::fmax(0, (nowMs - sentMs_[at]) * 1000 - (delaySinceLastSr * 1000000.0) / 65536);
  }
  return -1;
}

void RtcpReader::read(const uint8_t* datagram, int length, double nowMs, Record& record, Reception& own,
                      Reception& sent) {
  Slice slice;
  for (int at = 0, next; at < length && sliceAt(datagram, length, at, &slice, &next); at = next) {
    if (slice.type == kSdes && slice.count > 0) readCname(slice.body + 4, slice.end);
    if (slice.type == kXr) readVoip(slice.body + 4, slice.end, record, sent);
    if (slice.type != kSr && slice.type != kRr) continue;
    lastReportMs = nowMs;
    if (slice.type == kSr) {
      if (Source* source = own.find(readU32(slice.body))) {
        source->lastSr = middleOf(slice.body);
        source->lastSrMs = nowMs;
      }
    }
    const uint8_t* block = slice.body + (slice.type == kSr ? kSenderInfoBytes : 4);
    for (int number = 0; number < slice.count; number++, block += kBlockBytes) readBlock(block, nowMs, record, sent);
  }
}

void RtcpReader::readBlock(const uint8_t* block, double nowMs, Record& record, Reception& sent) {
  const double roundTripUs = ledger.roundTripUs(readU32(block + 16), readU32(block + 20), nowMs);
  if (roundTripUs >= 0) {
    record[kRttUs] = roundTripUs;
    record[kRttSumUs] += roundTripUs;
    record[kRttCount] += 1;
  }
  Source* source = sent.current();
  if (!source || source->ssrc != readU32(block)) return;
  const double clockRateHz = source->jitter.clockRateHz;
  const int32_t lost = static_cast<int32_t>(readU32(block + 4) << 8) >> 8;
  record[kReports] += 1;
  record[kReportedLost] = lost > 0 ? lost : 0;
  record[kReportedFractionLost] = block[4] / 256.0;
  record[kReportedJitterUs] = clockRateHz > 0 ? (readU32(block + 12) * 1000000.0) / clockRateHz : -1;
}

void RtcpReader::readVoip(const uint8_t* at, const uint8_t* end, Record& record, Reception& sent) {
  while (at + 4 <= end) {
    const uint8_t* next = at + 4 + 4 * readU16(at + 2);
    if (next > end) return;
    if (at[0] == 7 && next - at == 36 && sent.current() && sent.current()->ssrc == readU32(at + 4)) {
      record[kVoipReports] += 1;
      record[kVoipLossRate] = at[8];
      record[kVoipDiscardRate] = at[9];
      record[kVoipRFactor] = at[24];
      record[kVoipMosCq] = at[27];
    }
    at = next;
  }
}

void RtcpReader::readCname(const uint8_t* at, const uint8_t* end) {
  for (; at < end && *at != 0; at += 2 + at[1]) {
    if (*at != kCname) continue;
    cname.assign(reinterpret_cast<const char*>(at + 2), at[1]);
    return;
  }
}

void Reporter::init(uint32_t ssrc, uint64_t seed, const char* cname, double nowMs) {
  ssrc_ = ssrc;
  random_ = seed | 1;
  strncpy(cname_, cname, sizeof cname_ - 1);
  dueMs_ = nowMs + kIntervalMs;
}

// xorshift64*: spreads reports in time, guards nothing.
double Reporter::nextUnit() {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return static_cast<double>((random_ * 0x2545f4914f6cdd1dull) >> 11) / 9007199254740992.0;
}

int Reporter::compose(const Facts& facts, double nowMs, double wallMs, uint8_t* out, bool* sender) {
  if (nowMs < dueMs_) return 0;
  // RFC 3550 §6.3.1: between half and one and a half times the interval, over e - 3/2.
  dueMs_ = nowMs + (kIntervalMs * (0.5 + nextUnit())) / kCompensation;
  uint8_t blocks[kBlockBytes];
  const int count = block(facts.received.current(), nowMs, blocks);
  Source* source = facts.sent.known ? facts.origin.find(facts.sent.ssrc) : nullptr;
  *sender = source && nowMs - source->lastArrivalMs < kSenderMs;
  if (!*sender && count == 0) return 0;
  const uint32_t ssrc = *sender ? source->ssrc : ssrc_;
  const int fixed = *sender ? 4 + kSenderInfoBytes : 8;
  const int bytes = fixed + kBlockBytes * count;
  uint8_t* at = writeHeader(out, *sender ? kSr : kRr, count, bytes, ssrc);
  if (*sender) {
    const double wholeSeconds = std::floor(wallMs / 1000);
    const double elapsedTs = ((nowMs - source->lastArrivalMs) * source->jitter.clockRateHz) / 1000;
    writeU32(at, wrap32(wholeSeconds + kNtpEpochSeconds));
    writeU32(at + 4, wrap32((wallMs / 1000 - wholeSeconds) * 4294967296.0));
    writeU32(at + 8, wrap32(source->lastTimestamp + elapsedTs));
    writeU32(at + 12, wrap32(facts.sent.packets));
    writeU32(at + 16, wrap32(facts.sent.octets));
  }
  memcpy(out + fixed, blocks, static_cast<size_t>(kBlockBytes * count));
  const std::string& told = facts.other.cname;
  const int cnameBytes = static_cast<int>(told.empty() ? strlen(cname_) : told.size());
  return bytes + writeDescription(out + bytes, ssrc, told.empty() ? cname_ : told.data(), cnameBytes);
}

// One block on the peer's source, if it has sent since the last report (§6.4); returns how many were written.
int Reporter::block(Source* source, double nowMs, uint8_t* out) {
  if (!source || source->lastArrivalMs == toldReceived_) return 0;
  toldReceived_ = source->lastArrivalMs;
  const SourceReport report = source->report();
  const int64_t lost = report.cumulativeLost < -0x800000 ? -0x800000
                       : report.cumulativeLost > 0x7fffff ? 0x7fffff
                                                          : report.cumulativeLost;
  writeU32(out, source->ssrc);
  writeU32(out + 4, static_cast<uint32_t>(lost) & 0xffffff);
  out[4] = static_cast<uint8_t>(report.fractionLost > 255 ? 255 : report.fractionLost);
  writeU32(out + 8, report.extendedHighest);
  writeU32(out + 12, report.jitterTs);
  writeU32(out + 16, source->lastSr);
  writeU32(out + 20, source->lastSr == 0 ? 0 : wrap32(std::floor((nowMs - source->lastSrMs) * 65.536)));
  return 1;
}

}  // namespace trunkline
