// RTCP as the packet path needs it (RFC 3550 §6, A.2; RFC 3611 §4.7): soundness of a compound, what its reports say, and
// our own reports. The compiled twin of src/rtp/packet/rtcp, relay/rtcp-reader, relay/sr-ledger and relay/reporter.
#ifndef TRUNKLINE_RTCP_H
#define TRUNKLINE_RTCP_H

#include <cstdint>
#include <string>

#include "stream.h"

namespace trunkline {

// Whether a datagram is a compound RTCP packet whose contents fit.
bool isSoundRtcp(const uint8_t* datagram, int length);

// The sender reports that went to one peer, by the middle of their NTP time: round trips come from them.
class SrLedger {
 public:
  void note(uint32_t middle, double sentMs);
  // Notes every sender report of a sound datagram.
  void noteAll(const uint8_t* datagram, int length, double sentMs);
  // Microseconds; negative when the block names none of ours.
  double roundTripUs(uint32_t lastSr, uint32_t delaySinceLastSr, double nowMs) const;

 private:
  static constexpr int kKept = 8;
  uint32_t middle_[kKept] = {};
  double sentMs_[kKept] = {};
  int next_ = 0;
};

// Reads the RTCP that one peer sends.
class RtcpReader {
 public:
  // `own`: reception of what this peer sends; `sent`: of what it is sent, on the other leg.
  void read(const uint8_t* datagram, int length, double nowMs, Record& record, Reception& own, Reception& sent);

  SrLedger ledger;
  double lastReportMs = -1;
  // Canonical name the peer told; empty when none. A name told again is copied in place.
  std::string cname;

 private:
  void readBlock(const uint8_t* block, double nowMs, Record& record, Reception& sent);
  void readVoip(const uint8_t* body, const uint8_t* end, Record& record, Reception& sent);
  void readCname(const uint8_t* body, const uint8_t* end);
};

// The stream that goes out of a leg, as a sender report tells it.
struct SentStream {
  bool known = false;
  uint32_t ssrc = 0;
  double packets = 0;
  double octets = 0;
};

// Writes reports of our own to one peer, in the place of an other side that sends none.
class Reporter {
 public:
  struct Facts {
    const SentStream& sent;
    Reception& origin;
    Reception& received;
    const RtcpReader& other;
  };

  void init(uint32_t ssrc, uint64_t seed, const char* cname, double nowMs);
  // Bytes written (at most kMaxBytes), or 0 when no report is due; `sender` tells whether it starts with an SR.
  int compose(const Facts& facts, double nowMs, double wallMs, uint8_t* out, bool* sender);
  static constexpr int kMaxBytes = 28 + 24 + 4 + 4 + 2 + 255 + 4;

 private:
  double nextUnit();
  int block(Source* source, double nowMs, uint8_t* out);
  uint32_t ssrc_ = 0;
  uint64_t random_ = 1;
  char cname_[64] = {};
  double dueMs_ = 0;
  double toldReceived_ = -1;
};

}  // namespace trunkline

#endif
