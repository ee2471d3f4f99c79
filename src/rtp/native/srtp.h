// SRTP cryptographic context of one direction (RFC 3711, RFC 6188, RFC 7714): the compiled twin of src/rtp/srtp.
//
//   open:  length -> index -> replay? -> authenticate -> decrypt -> window moves, source is remembered
//   seal:  length -> index -> used?   -> encrypt -> authenticate -> window moves
//
// Cipher contexts live as long as the keys: counter mode takes its key stream from one that is never set up anew, GCM
// takes a new IV per packet. HMAC starts from saved states and runs block by block over the packet in place. The
// functions are those of OpenSSL that the Node executable exports, so nothing is linked.
#ifndef TRUNKLINE_SRTP_H
#define TRUNKLINE_SRTP_H

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trunkline {

// Negative results; the values are those of SrtpFailure in context.ts.
enum SrtpFailure : int {
  kSrtpMalformed = -1,
  kSrtpAuthentication = -2,
  kSrtpReplay = -3,
  kSrtpSources = -4,
  kSrtpExhausted = -5,
  kSrtpRoom = -6,
};

struct SuiteFacts {
  const char* name;
  int keyBytes;
  int saltBytes;
  int rtpTagBytes;
  int rtcpTagBytes;
  bool aead;
};

// Facts of a suite by its name; null for one that is not known.
const SuiteFacts* findSuite(const char* name);

// Index and replay window of one source, 64 packets wide (RFC 3711 §3.3.2).
struct ReplayWindow {
  int64_t highest = -1;
  uint64_t seen = 0;

  bool check(int64_t index) const;
  void commit(int64_t index);
};

// The index nearest to the highest seen (RFC 3711 §3.3.1, appendix A); negative before index 0.
int64_t estimateIndex(int64_t highest, uint16_t sequence);

// Session keys of RTP or of RTCP, and the transform under them.
class SrtpCipher {
 public:
  SrtpCipher() = default;
  ~SrtpCipher();
  SrtpCipher(const SrtpCipher&) = delete;
  SrtpCipher& operator=(const SrtpCipher&) = delete;

  bool init(const SuiteFacts& suite, const uint8_t* masterKey, int label, int tagBytes, bool sealing);
  int tagBytes() const { return tagBytes_; }
  bool aead() const { return aead_; }
  void sealRtp(uint8_t* packet, int from, int to, uint32_t ssrc, uint32_t roc, uint16_t sequence);
  bool openRtp(uint8_t* packet, int from, int to, uint32_t ssrc, uint32_t roc, uint16_t sequence);
  void sealRtcp(uint8_t* packet, int to, uint32_t ssrc, uint32_t word);
  bool openRtcp(uint8_t* packet, int to, uint32_t ssrc, uint32_t word);

 private:
  void applyCounterMode(uint8_t* bytes, int count, uint32_t ssrc, uint32_t indexHigh, uint16_t indexLow);
  void digest(const uint8_t* bytes, int count, const uint8_t* trailer, uint8_t* out) const;
  void gcmIv(uint8_t* iv, uint32_t ssrc, uint32_t third, int at) const;
  void gcmSeal(const uint8_t* iv, const uint8_t* aad, int aadBytes, const uint8_t* aad2, uint8_t* bytes, int count);
  bool gcmOpen(const uint8_t* iv, const uint8_t* aad, int aadBytes, const uint8_t* aad2, uint8_t* bytes, int count);

  EVP_CIPHER_CTX* cipher_ = nullptr;
  uint8_t salt_[14] = {};
  // The five words of SHA-1 after the inner and the outer key block (RFC 2104).
  uint32_t inner_[5] = {};
  uint32_t outer_[5] = {};
  int tagBytes_ = 0;
  bool aead_ = false;
};

class SrtpContext {
 public:
  // `key` is master key then salt and has the suite's length. False when a cipher cannot be made.
  bool init(const SuiteFacts& suite, const uint8_t* key, bool sealing);

  // Fetches what a packet needs before its turn comes.
  void prefetch() const;

  // Length of the opened packet, or an SrtpFailure.
  int open(uint8_t* packet, int length);
  int openRtcp(uint8_t* packet, int length);
  // New length, at most `capacity`, or an SrtpFailure.
  int seal(uint8_t* packet, int length, int capacity);
  int sealRtcp(uint8_t* packet, int length, int capacity);

 private:
  struct Source {
    uint32_t ssrc = 0;
    ReplayWindow rtp;
    ReplayWindow rtcp;
  };
  Source* find(uint32_t ssrc);
  Source* remember(uint32_t ssrc);
  bool full() const;

  // First what each packet needs: keys, and the source that was heard last.
  SrtpCipher rtp_;
  bool heard_ = false;
  Source last_;
  SrtpCipher rtcp_;
  // Grows only when a new source has authenticated, so never per packet.
  std::vector<Source> others_;
};

}  // namespace trunkline

#endif
