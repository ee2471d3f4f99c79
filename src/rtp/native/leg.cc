#include "leg.h"

#include <algorithm>
#include <utility>

#include "bytes.h"

namespace trunkline {
namespace {

constexpr int kMaxDropout = 3000;
constexpr int kMaxMisorder = 100;
constexpr double kRtcpSilenceMs = 5000;

// RFC 5761 §4: second octets that mean RTCP on a shared port.
bool isRtcpType(uint8_t second) { return second >= 192 && second <= 223; }

bool isSendable(const Endpoint& to, uint8_t family) {
  return to.port > 0 && to.address.family == family && !to.address.isAny();
}

Drop rtpDrop(int failure) {
  if (failure == kSrtpAuthentication) return kDropSrtpAuth;
  if (failure == kSrtpReplay) return kDropSrtpReplay;
  return failure == kSrtpSources ? kDropSrtpSources : kDropMalformed;
}

Drop rtcpDrop(int failure) {
  if (failure == kSrtpAuthentication) return kDropSrtcpAuth;
  if (failure == kSrtpReplay) return kDropSrtcpReplay;
  return failure == kSrtpSources ? kDropSrtpSources : kDropRtcpMalformed;
}

bool isSilenced(const Description& description) {
  return description.rtp.port == 0 || (description.rtp.address.family != 0 && description.rtp.address.isAny());
}

// Another address, port or key: latching starts anew.
bool isMoved(const Description& before, const Description& now) {
  return !(before.rtp == now.rtp) || before.hasRtcpPort != now.hasRtcpPort || before.rtcpPort != now.rtcpPort ||
         before.hasRtcpAddress != now.hasRtcpAddress || before.rtcpAddress != now.rtcpAddress ||
         before.mux != now.mux || now.newReceiveKey;
}

}  // namespace

uint16_t Renumberer::renumber(uint32_t ssrc, uint16_t sequence) {
  if (!started_ || ssrc != ssrc_) {
    started_ = true;
    ssrc_ = ssrc;
    offset_ = 0;
    highest_ = sequence;
    return sequence;
  }
  const uint16_t number = static_cast<uint16_t>(sequence + offset_);
  const int ahead = static_cast<uint16_t>(number - highest_);
  if (ahead > 0x10000 - kMaxMisorder) return number;
  if (ahead >= kMaxDropout) {
    highest_ = static_cast<uint16_t>(highest_ + 1);
    offset_ = static_cast<uint16_t>(highest_ - sequence);
    return highest_;
  }
  highest_ = number;
  return number;
}

Leg::Leg(Side side, double* record, uint8_t family, LegEvents* events)
    : record_(record), side_(side), family_(family), events_(events) {}

void Leg::prefetch() const {
  const char* at = reinterpret_cast<const char*>(this);
  for (size_t line = 0; line < kHotBytes; line += 64) __builtin_prefetch(at + line, 1);
}

void Leg::prefetchSending() const {
  const char* at = reinterpret_cast<const char*>(this);
  for (size_t line = 0; line < kSendingBytes; line += 64) __builtin_prefetch(at + line, 1);
}

void Leg::prefetchKeys() const {
  for (const SrtpContext* context : {receive_.get(), peer_->send_.get()}) {
    if (context) context->prefetch();
  }
}

bool Leg::listening() const { return description_ && description_->receives && !isSilenced(*description_); }

void Leg::describe(std::unique_ptr<Description> description, double nowMs) {
  const bool reopen = !description_ || isMoved(*description_, *description);
  const bool listened = listening();
  // The latches refer to the one before until they are described anew.
  const std::unique_ptr<Description> before = std::exchange(description_, std::move(description));
  Description& now = *description_;
  types_ = now.types.get();
  receives_ = now.receives;
  udptl_ = now.udptl;
  if (!now.sealed || now.receive) receive_ = std::move(now.receive);
  if (!now.sealed || now.send) {
    if (now.send || send_) renumberer_ = Renumberer();
    send_ = std::move(now.send);
  }
  if (now.splices && !splicer_) splicer_ = std::make_unique<EventSplicer>();
  if (splicer_) splicer_->describe(types_, now.dropsEvents);
  rtpLatch_.describe(&now.latch, now.rtp, reopen);
  const uint16_t rtcpPort = now.hasRtcpPort ? now.rtcpPort : static_cast<uint16_t>(now.rtp.port + 1);
  const Address& rtcpAddress = now.hasRtcpAddress ? now.rtcpAddress : now.rtp.address;
  rtcpLatch_.describe(&now.latch, {rtcpAddress, rtcpPort}, reopen);
  if (reopen) reception_.trustNext();
  if (reopen || !listened) lastHeardMs_ = nowMs;
  aim();
}

bool Leg::onRtpPort(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out) {
  if (!types_) return drop(kDropUndescribed);
  if (udptl_) return onUdptl(packet, length, from, nowMs, out);
  if (length < 2 || packet[0] >> 6 != 2) return dropForeign(packet, length);
  if (isRtcpType(packet[1])) return onRtcp(packet, length, capacity, from, nowMs, true, out);
  return onRtp(packet, length, capacity, from, nowMs, out);
}

bool Leg::onRtcpPort(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out) {
  if (!types_) return drop(kDropUndescribed);
  if (length < 2 || packet[0] >> 6 != 2 || !isRtcpType(packet[1])) return dropForeign(packet, length);
  return onRtcp(packet, length, capacity, from, nowMs, false, out);
}

bool Leg::onRtp(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, Departure* out) {
  const bool sealed = receive_ != nullptr;
  if (sealed) {
    if (forks_) Fork::hold(forks_, packet, length);
    length = receive_->open(packet, length);
    if (length < 0) return drop(rtpDrop(length));
  }
  RtpView view;
  if (!decodeRtp(packet, length, false, &view)) return drop(kDropMalformed);
  if (!admit(from, nowMs, sealed, true)) return drop(kDropSource);
  if (!receives_) return drop(kDropDirection);
  {
    Update update(record_);
    reception_.onPacket(view, length, nowMs, *types_, record_);
  }
  lastHeardMs_ = nowMs;
  if (forks_) Fork::accepted(forks_, packet, length, sealed, {nowMs, 0, from});
  const PayloadType& type = types_->types[view.payloadType];
  if (type.kind == kEvent && view.payloadBytes >= 4) {
    const uint32_t word = readU32(packet + view.payloadOffset);
    events_->onTelephoneEvent(side_, word, view.timestamp, type.clockRateHz, nowMs);
  }
  if (!peer_->rtpOpen_) return dropUnsent();
  if (peer_->splicer_) {
    length = peer_->splicer_->pass(packet, length, type.kind, nowMs, &view);
    if (length < 0) return drop(kDropTelephoneEvent);
  }
  if (!peer_->sendRtp(packet, length, capacity, view, out)) return drop(kDropSrtpSeal);
  if (peer_->forks_) peer_->copySent(packet, 0, nowMs, *out);
  return true;
}

bool Leg::onUdptl(uint8_t* packet, int length, const Endpoint& from, double nowMs, Departure* out) {
  if (!admit(from, nowMs, false, true)) return drop(kDropSource);
  if (!receives_) return drop(kDropDirection);
  {
    Update update(record_);
    record_[kPackets] += 1;
    record_[kBytes] += length;
    record_[kLastPacketMs] = nowMs;
  }
  lastHeardMs_ = nowMs;
  if (forks_) Fork::accepted(forks_, packet, length, false, {nowMs, kForkUdptl, from});
  if (!peer_->udptlOpen_) return dropUnsent();
  peer_->record_[kSentPackets] += 1;
  peer_->record_[kSentBytes] += length;
  *out = {false, peer_->rtpTarget_, length};
  if (peer_->forks_) peer_->copySent(packet, kForkUdptl, nowMs, *out);
  return true;
}

bool Leg::onRtcp(uint8_t* packet, int length, int capacity, const Endpoint& from, double nowMs, bool muxed,
                 Departure* out) {
  const bool sealed = receive_ != nullptr;
  if (sealed) {
    if (forks_) Fork::hold(forks_, packet, length);
    length = receive_->openRtcp(packet, length);
    if (length < 0) return drop(rtcpDrop(length));
  }
  if (!isSoundRtcp(packet, length)) return drop(kDropRtcpMalformed);
  if (!admit(from, nowMs, sealed, muxed)) return drop(kDropSource);
  {
    Update update(record_);
    record_[kRtcpPackets] += 1;
    record_[kRtcpBytes] += length;
    reader_.read(packet, length, nowMs, record_, reception_, peer_->reception_);
  }
  lastHeardMs_ = nowMs;
  if (forks_) {
    const uint32_t flags = kForkRtcp | (muxed ? 0u : kForkRtcpSocket);
    Fork::accepted(forks_, packet, length, sealed, {nowMs, flags, from});
  }
  if (!peer_->rtcpOpen_) return drop(kDropNoTarget);
  // The reports are read before they are sealed, and forgotten again when sealing fails.
  const SrLedger before = peer_->reader_.ledger;
  peer_->reader_.ledger.noteAll(packet, length, nowMs);
  if (peer_->sendRtcp(packet, length, capacity, out)) {
    if (peer_->forks_) peer_->copySent(packet, kForkRtcp, nowMs, *out);
    return true;
  }
  peer_->reader_.ledger = before;
  return drop(kDropNoTarget);
}

void Leg::play(const PlayedEvent& event) {
  if (splicer_) splicer_->play(event);
}

bool Leg::playOn(double nowMs, uint8_t* packet, int capacity, Departure* out) {
  if (!plays()) return false;
  if (!rtpOpen_) {
    splicer_->clear();
    return false;
  }
  RtpView view;
  const int length = splicer_->originate(packet, peer_->reception_.current(), nowMs, &view);
  if (length == 0) return false;
  if (!sendRtp(packet, length, capacity, view, out)) return peer_->drop(kDropSrtpSeal);
  if (forks_) copySent(packet, 0, nowMs, *out);
  return true;
}

bool Leg::report(Reporter* reporter, double nowMs, double wallMs, uint8_t* packet, int capacity, Departure* out) {
  if (!rtcpOpen_ || !description_ || description_->udptl) return false;
  const double lastMs = peer_->reader_.lastReportMs;
  if (lastMs >= 0 && nowMs - lastMs < kRtcpSilenceMs) return false;
  bool sender = false;
  const int length = composeReport(reporter, nowMs, wallMs, packet, &sender);
  if (length == 0) return false;
  if (sender) reader_.ledger.noteAll(packet, length, nowMs);
  if (!sendRtcp(packet, length, capacity, out)) return false;
  if (forks_) copySent(packet, kForkRtcp, nowMs, *out);
  return true;
}

int Leg::composeReport(Reporter* reporter, double nowMs, double wallMs, uint8_t* packet, bool* sender) {
  const Reporter::Facts facts = {sent_, peer_->reception_, reception_, peer_->reader_};
  return reporter->compose(facts, nowMs, wallMs, packet, sender);
}

void Leg::finish() {
  Update update(record_);
  reception_.finish(record_);
}

// Judges the source; the latch is the RTP port's or the RTCP port's.
bool Leg::admit(const Endpoint& from, double nowMs, bool authentic, bool rtpPort) {
  switch ((rtpPort ? rtpLatch_ : rtcpLatch_).judge(from, nowMs, authentic)) {
    case LatchVerdict::kAccepted:
      return true;
    case LatchVerdict::kRefused:
      refuse(from);
      return false;
    case LatchVerdict::kLatched:
      break;
  }
  if (rtpPort) rtcpLatch_.expect(from.address);
  aim();
  if (rtpPort) events_->onLatched(side_, from);
  return true;
}

void Leg::refuse(const Endpoint& from) {
  if (told_.size() == kMaxRefusalsTold || std::find(told_.begin(), told_.end(), from) != told_.end()) return;
  told_.push_back(from);
  events_->onRefused(side_, from);
}

// Works out the targets anew, after a description or a latch.
void Leg::aim() {
  const Description& known = *description_;
  const bool latched = rtpLatch_.isLatched();
  rtpTarget_ = latched ? rtpLatch_.latched() : known.rtp;
  rtcpTarget_ = {known.hasRtcpAddress ? known.rtcpAddress : known.rtp.address,
                 known.hasRtcpPort ? known.rtcpPort : static_cast<uint16_t>(known.rtp.port + 1)};
  // Behind a NAT that hides the described address, RTCP is taken to be next to RTP.
  if (latched && rtpTarget_.address != known.rtp.address && !known.hasRtcpAddress) {
    rtcpTarget_ = {rtpTarget_.address, static_cast<uint16_t>(rtpTarget_.port + 1)};
  }
  if (rtcpLatch_.isLatched()) rtcpTarget_ = rtcpLatch_.latched();
  if (known.mux) rtcpTarget_ = rtpTarget_;
  const bool silenced = isSilenced(known);
  wanted_ = !silenced && known.sends;
  const bool open = wanted_ && isSendable(rtpTarget_, family_);
  rtpOpen_ = open && !known.udptl;
  udptlOpen_ = open && known.udptl;
  rtcpOpen_ = !silenced && !known.udptl && isSendable(rtcpTarget_, family_);
}

bool Leg::sendRtp(uint8_t* packet, int length, int capacity, const RtpView& view, Departure* out) {
  int wire = length;
  if (receive_) {
    const uint16_t sequence = renumberer_.renumber(view.ssrc, view.sequence);
    packet[2] = static_cast<uint8_t>(sequence >> 8);
    packet[3] = static_cast<uint8_t>(sequence);
    wire = send_->seal(packet, length, capacity);
    if (wire < 0) return false;
  }
  record_[kSentPackets] += 1;
  record_[kSentBytes] += length;
  if (!sent_.known || view.ssrc != sent_.ssrc) sent_ = {true, view.ssrc, 0, 0};
  sent_.packets += 1;
  sent_.octets += view.payloadBytes;
  *out = {false, rtpTarget_, wire};
  return true;
}

bool Leg::sendRtcp(uint8_t* packet, int length, int capacity, Departure* out) {
  const int wire = receive_ ? send_->sealRtcp(packet, length, capacity) : length;
  if (wire < 0) return false;
  record_[kSentRtcpPackets] += 1;
  record_[kSentRtcpBytes] += length;
  *out = {!description_->mux, rtcpTarget_, wire};
  return true;
}

void Leg::copySent(const uint8_t* packet, uint32_t flags, double nowMs, const Departure& departure) {
  const uint32_t socket = departure.rtcpSocket ? kForkRtcpSocket : 0u;
  Fork::sent(forks_, packet, departure.length, {nowMs, flags | socket, departure.to});
}

void Leg::fork(Fork* fork) {
  fork->next = forks_;
  forks_ = fork;
}

bool Leg::unfork(const Fork* fork) {
  for (Fork** place = &forks_; *place; place = &(*place)->next) {
    if (*place != fork) continue;
    *place = fork->next;
    return true;
  }
  return false;
}

Fork* Leg::takeForks() {
  Fork* all = forks_;
  forks_ = nullptr;
  return all;
}

bool Leg::drop(Drop reason) {
  record_.drop(reason);
  return false;
}

// RFC 7983 §7: what shares the port by its first octet.
bool Leg::dropForeign(const uint8_t* packet, int length) {
  if (length > 0 && packet[0] <= 3) return drop(kDropStun);
  return drop(length > 0 && packet[0] >= 20 && packet[0] <= 63 ? kDropDtls : kDropNotRtp);
}

bool Leg::dropUnsent() { return drop(peer_->wanted_ ? kDropNoTarget : kDropPeerDirection); }

}  // namespace trunkline
