#include "srtp.h"

#include <cstring>
#include <utility>

#include "bytes.h"

namespace trunkline {
namespace {

constexpr SuiteFacts kSuites[] = {
    {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10, false}, {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10, false},
    {"AES_192_CM_HMAC_SHA1_80", 24, 14, 10, 10, false}, {"AES_192_CM_HMAC_SHA1_32", 24, 14, 4, 10, false},
    {"AES_256_CM_HMAC_SHA1_80", 32, 14, 10, 10, false}, {"AES_256_CM_HMAC_SHA1_32", 32, 14, 4, 10, false},
    {"AEAD_AES_128_GCM", 16, 12, 16, 16, true},         {"AEAD_AES_256_GCM", 32, 12, 16, 16, true},
};

constexpr size_t kMaxSources = 64;
constexpr int kAuthKeyBytes = 20;
constexpr size_t kHashBlockBytes = 64;
constexpr int kAesBlockBytes = 16;
// Key stream made at a time: that of a voice packet.
constexpr int kStreamBytes = 256;
constexpr int kRtpHeaderBytes = 12;
constexpr int kRtcpHeaderBytes = 8;
constexpr int kIndexWordBytes = 4;
constexpr uint32_t kEncrypted = 0x80000000u;
constexpr int64_t kIndexLimit = int64_t{1} << 48;
constexpr int64_t kRtcpIndexLimit = int64_t{1} << 31;

const EVP_CIPHER* counterCipher(int keyBytes) {
  return keyBytes == 16 ? EVP_aes_128_ctr() : keyBytes == 24 ? EVP_aes_192_ctr() : EVP_aes_256_ctr();
}

const EVP_CIPHER* gcmCipher(int keyBytes) { return keyBytes == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(); }

const EVP_CIPHER* blockCipher(int keyBytes) {
  return keyBytes == 16 ? EVP_aes_128_ecb() : keyBytes == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
}

// RFC 3711 §4.3: the keystream of AES-CM under the master key, with the label in octet 7 of the IV.
bool derive(const SuiteFacts& suite, const uint8_t* masterKey, int label, uint8_t* out, int count) {
  uint8_t iv[16] = {};
  memcpy(iv, masterKey + suite.keyBytes, static_cast<size_t>(suite.saltBytes));
  iv[7] ^= static_cast<uint8_t>(label);
  memset(out, 0, static_cast<size_t>(count));
  EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
  int written = 0;
  const bool done = cipher && EVP_EncryptInit_ex(cipher, counterCipher(suite.keyBytes), nullptr, masterKey, iv) == 1 &&
                    EVP_EncryptUpdate(cipher, out, &written, out, count) == 1;
  EVP_CIPHER_CTX_free(cipher);
  return done;
}

void setWords(SHA_CTX* state, const uint32_t* words) {
  state->h0 = words[0];
  state->h1 = words[1];
  state->h2 = words[2];
  state->h3 = words[3];
  state->h4 = words[4];
}

void getWords(const SHA_CTX& state, uint32_t* words) {
  words[0] = state.h0;
  words[1] = state.h1;
  words[2] = state.h2;
  words[3] = state.h3;
  words[4] = state.h4;
}

void keyedState(uint32_t* words, const uint8_t* key, uint8_t pad) {
  uint8_t block[kHashBlockBytes];
  memset(block, pad, sizeof block);
  for (int at = 0; at < kAuthKeyBytes; at++) block[at] ^= key[at];
  SHA_CTX state;
  SHA1_Init(&state);
  SHA1_Transform(&state, block);
  getWords(state, words);
  OPENSSL_cleanse(block, sizeof block);
}

// The last block or two of a message of `total` octets (FIPS 180-4 §5.1.1), of which `block` holds the last `used`.
void finishHash(SHA_CTX* state, uint8_t* block, size_t used, size_t total) {
  block[used++] = 0x80;
  if (used > kHashBlockBytes - 8) {
    memset(block + used, 0, kHashBlockBytes - used);
    SHA1_Transform(state, block);
    used = 0;
  }
  memset(block + used, 0, kHashBlockBytes - 4 - used);
  writeU32(block + kHashBlockBytes - 4, static_cast<uint32_t>(total * 8));
  SHA1_Transform(state, block);
}

bool sameTag(const uint8_t* a, const uint8_t* b, int count) {
  uint8_t difference = 0;
  for (int at = 0; at < count; at++) difference |= a[at] ^ b[at];
  return difference == 0;
}

void xorBytes(uint8_t* bytes, const uint8_t* other, int count) {
  int at = 0;
  for (; at + 8 <= count; at += 8) {
    uint64_t a, b;
    memcpy(&a, bytes + at, 8);
    memcpy(&b, other + at, 8);
    a ^= b;
    memcpy(bytes + at, &a, 8);
  }
  for (; at < count; at++) bytes[at] ^= other[at];
}

// Fixed header, CSRC list and extension; -1 when `length` does not hold them (RFC 3550 §5.1, §5.3.1).
int rtpHeaderBytes(const uint8_t* packet, int length) {
  if (length < kRtpHeaderBytes || packet[0] >> 6 != 2) return -1;
  int bytes = kRtpHeaderBytes + 4 * (packet[0] & 15);
  if (packet[0] & 0x10) {
    if (bytes + 4 > length) return -1;
    bytes += 4 + 4 * readU16(packet + bytes + 2);
  }
  return bytes <= length ? bytes : -1;
}

}  // namespace

const SuiteFacts* findSuite(const char* name) {
  for (const SuiteFacts& suite : kSuites) {
    if (strcmp(suite.name, name) == 0) return &suite;
  }
  return nullptr;
}

bool ReplayWindow::check(int64_t index) const {
  if (index < 0 || index >= kIndexLimit) return false;
  const int64_t age = highest - index;
  if (age < 0) return true;
  return age < 64 && (seen >> age & 1) == 0;
}

void ReplayWindow::commit(int64_t index) {
  const int64_t ahead = index - highest;
  if (ahead > 0) {
    seen = (highest < 0 || ahead >= 64 ? 0 : seen << ahead) | 1;
    highest = index;
  } else {
    seen |= uint64_t{1} << -ahead;
  }
}

int64_t estimateIndex(int64_t highest, uint16_t sequence) {
  if (highest < 0) return sequence;
  const int64_t base = highest - (highest & 0xffff);
  const int64_t ahead = sequence - (highest & 0xffff);
  if (ahead < -32768) return base + 65536 + sequence;
  if (ahead > 32768) return base - 65536 + sequence;
  return base + sequence;
}

SrtpCipher::~SrtpCipher() { EVP_CIPHER_CTX_free(cipher_); }

bool SrtpCipher::init(const SuiteFacts& suite, const uint8_t* masterKey, int label, int tagBytes, bool sealing) {
  uint8_t key[32];
  uint8_t authKey[kAuthKeyBytes];
  tagBytes_ = tagBytes;
  aead_ = suite.aead;
  if (!derive(suite, masterKey, label, key, suite.keyBytes) ||
      !derive(suite, masterKey, label + 1, authKey, kAuthKeyBytes) ||
      !derive(suite, masterKey, label + 2, salt_, suite.saltBytes)) {
    return false;
  }
  keyedState(inner_, authKey, 0x36);
  keyedState(outer_, authKey, 0x5c);
  cipher_ = EVP_CIPHER_CTX_new();
  const EVP_CIPHER* cipher = aead_ ? gcmCipher(suite.keyBytes) : blockCipher(suite.keyBytes);
  // Counter mode encrypts to decrypt; GCM tells the two apart.
  const bool done =
      cipher_ && EVP_CipherInit_ex(cipher_, cipher, nullptr, key, nullptr, sealing || !aead_ ? 1 : 0) == 1 &&
      EVP_CIPHER_CTX_set_padding(cipher_, 0) == 1;
  OPENSSL_cleanse(key, sizeof key);
  OPENSSL_cleanse(authKey, sizeof authKey);
  return done;
}

// RFC 3711 §4.1.1: the key stream is the block cipher over counters that go up from the packet's; making them here
// saves setting an IV, which costs OpenSSL more than enciphering a voice packet.
void SrtpCipher::applyCounterMode(uint8_t* bytes, int count, uint32_t ssrc, uint32_t indexHigh, uint16_t indexLow) {
  alignas(16) uint8_t counters[kStreamBytes];
  alignas(16) uint8_t stream[kStreamBytes];
  uint8_t iv[kAesBlockBytes] = {};
  memcpy(iv, salt_, 14);
  xorU32(iv + 4, ssrc);
  xorU32(iv + 8, indexHigh);
  iv[12] ^= static_cast<uint8_t>(indexLow >> 8);
  iv[13] ^= static_cast<uint8_t>(indexLow);
  // In registers from here: the counter is the last of four words.
  const uint32_t last = readU32(iv + 12);
  uint64_t first = 0;
  uint32_t third = 0;
  memcpy(&first, iv, sizeof first);
  memcpy(&third, iv + 8, sizeof third);
  for (uint32_t block = 0; count > 0; bytes += kStreamBytes, count -= kStreamBytes) {
    const int now = count < kStreamBytes ? count : kStreamBytes;
    int filled = 0;
    for (; filled < now; filled += kAesBlockBytes, block++) {
      memcpy(counters + filled, &first, sizeof first);
      memcpy(counters + filled + 8, &third, sizeof third);
      writeU32(counters + filled + 12, last | block);
    }
    int written = 0;
    EVP_EncryptUpdate(cipher_, stream, &written, counters, filled);
    xorBytes(bytes, stream, now);
  }
}

void SrtpCipher::digest(const uint8_t* bytes, int count, const uint8_t* trailer, uint8_t* out) const {
  SHA_CTX state;
  uint8_t block[kHashBlockBytes];
  size_t rest = static_cast<size_t>(count);
  const size_t total = kHashBlockBytes + rest + (trailer ? 4 : 0);
  setWords(&state, inner_);
  for (; rest >= kHashBlockBytes; bytes += kHashBlockBytes, rest -= kHashBlockBytes) SHA1_Transform(&state, bytes);
  memcpy(block, bytes, rest);
  for (int at = 0; trailer && at < 4; at++) {
    block[rest++] = trailer[at];
    if (rest < kHashBlockBytes) continue;
    SHA1_Transform(&state, block);
    rest = 0;
  }
  finishHash(&state, block, rest, total);
  uint32_t words[5];
  getWords(state, words);
  for (int at = 0; at < 5; at++) writeU32(block + 4 * at, words[at]);
  setWords(&state, outer_);
  finishHash(&state, block, SHA_DIGEST_LENGTH, kHashBlockBytes + SHA_DIGEST_LENGTH);
  getWords(state, words);
  for (int at = 0; at < 5; at++) writeU32(out + 4 * at, words[at]);
}

// RFC 7714 §8.1, §9.1: salt XOR (SSRC at octet 2, `word` at octet `at`); the RTP sequence number is the caller's.
void SrtpCipher::gcmIv(uint8_t* iv, uint32_t ssrc, uint32_t word, int at) const {
  memcpy(iv, salt_, 12);
  xorU32(iv + 2, ssrc);
  xorU32(iv + at, word);
}

void SrtpCipher::gcmSeal(const uint8_t* iv, const uint8_t* aad, int aadBytes, const uint8_t* aad2, uint8_t* bytes,
                         int count) {
  int written = 0;
  uint8_t none[16];
  EVP_CipherInit_ex(cipher_, nullptr, nullptr, nullptr, iv, 1);
  EVP_CipherUpdate(cipher_, nullptr, &written, aad, aadBytes);
  if (aad2) EVP_CipherUpdate(cipher_, nullptr, &written, aad2, 4);
  if (count > 0) EVP_CipherUpdate(cipher_, bytes, &written, bytes, count);
  EVP_CipherFinal_ex(cipher_, none, &written);
  EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_GET_TAG, 16, bytes + count);
}

bool SrtpCipher::gcmOpen(const uint8_t* iv, const uint8_t* aad, int aadBytes, const uint8_t* aad2, uint8_t* bytes,
                         int count) {
  int written = 0;
  uint8_t none[16];
  EVP_CipherInit_ex(cipher_, nullptr, nullptr, nullptr, iv, 0);
  EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_SET_TAG, 16, bytes + count);
  EVP_CipherUpdate(cipher_, nullptr, &written, aad, aadBytes);
  if (aad2) EVP_CipherUpdate(cipher_, nullptr, &written, aad2, 4);
  if (count > 0) EVP_CipherUpdate(cipher_, bytes, &written, bytes, count);
  return EVP_CipherFinal_ex(cipher_, none, &written) == 1;
}

void SrtpCipher::sealRtp(uint8_t* packet, int from, int to, uint32_t ssrc, uint32_t roc, uint16_t sequence) {
  if (aead_) {
    uint8_t iv[12];
    gcmIv(iv, ssrc, roc, 6);
    iv[10] ^= static_cast<uint8_t>(sequence >> 8);
    iv[11] ^= static_cast<uint8_t>(sequence);
    return gcmSeal(iv, packet, from, nullptr, packet + from, to - from);
  }
  uint8_t word[4];
  uint8_t tag[SHA_DIGEST_LENGTH];
  writeU32(word, roc);
  applyCounterMode(packet + from, to - from, ssrc, roc, sequence);
  digest(packet, to, word, tag);
  memcpy(packet + to, tag, static_cast<size_t>(tagBytes_));
}

bool SrtpCipher::openRtp(uint8_t* packet, int from, int to, uint32_t ssrc, uint32_t roc, uint16_t sequence) {
  if (aead_) {
    uint8_t iv[12];
    gcmIv(iv, ssrc, roc, 6);
    iv[10] ^= static_cast<uint8_t>(sequence >> 8);
    iv[11] ^= static_cast<uint8_t>(sequence);
    return gcmOpen(iv, packet, from, nullptr, packet + from, to - from);
  }
  uint8_t word[4];
  uint8_t tag[SHA_DIGEST_LENGTH];
  writeU32(word, roc);
  digest(packet, to, word, tag);
  if (!sameTag(packet + to, tag, tagBytes_)) return false;
  applyCounterMode(packet + from, to - from, ssrc, roc, sequence);
  return true;
}

void SrtpCipher::sealRtcp(uint8_t* packet, int to, uint32_t ssrc, uint32_t word) {
  if (aead_) {
    uint8_t iv[12];
    gcmIv(iv, ssrc, word & ~kEncrypted, 8);
    writeU32(packet + to + 16, word);
    return gcmSeal(iv, packet, kRtcpHeaderBytes, packet + to + 16, packet + kRtcpHeaderBytes, to - kRtcpHeaderBytes);
  }
  uint8_t tag[SHA_DIGEST_LENGTH];
  applyCounterMode(packet + kRtcpHeaderBytes, to - kRtcpHeaderBytes, ssrc, (word & ~kEncrypted) >> 16,
                   static_cast<uint16_t>(word));
  writeU32(packet + to, word);
  digest(packet, to + kIndexWordBytes, nullptr, tag);
  memcpy(packet + to + kIndexWordBytes, tag, static_cast<size_t>(tagBytes_));
}

bool SrtpCipher::openRtcp(uint8_t* packet, int to, uint32_t ssrc, uint32_t word) {
  const bool encrypted = (word & kEncrypted) != 0;
  if (aead_) {
    uint8_t iv[12];
    gcmIv(iv, ssrc, word & ~kEncrypted, 8);
    // Unencrypted: the whole packet is associated data (RFC 7714 §9.3).
    const int clear = encrypted ? kRtcpHeaderBytes : to;
    return gcmOpen(iv, packet, clear, packet + to + 16, packet + clear, to - clear);
  }
  uint8_t tag[SHA_DIGEST_LENGTH];
  digest(packet, to + kIndexWordBytes, nullptr, tag);
  if (!sameTag(packet + to + kIndexWordBytes, tag, tagBytes_)) return false;
  if (encrypted) {
    applyCounterMode(packet + kRtcpHeaderBytes, to - kRtcpHeaderBytes, ssrc, (word & ~kEncrypted) >> 16,
                     static_cast<uint16_t>(word));
  }
  return true;
}

bool SrtpContext::init(const SuiteFacts& suite, const uint8_t* key, bool sealing) {
  return rtp_.init(suite, key, 0, suite.rtpTagBytes, sealing) && rtcp_.init(suite, key, 3, suite.rtcpTagBytes, sealing);
}

void SrtpContext::prefetch() const {
  const char* at = reinterpret_cast<const char*>(this);
  const size_t bytes = sizeof rtp_ + sizeof heard_ + sizeof last_;
  for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(at + line, 1);
}

bool SrtpContext::full() const { return others_.size() + heard_ >= kMaxSources; }

SrtpContext::Source* SrtpContext::find(uint32_t ssrc) {
  if (!heard_) return nullptr;
  if (last_.ssrc == ssrc) return &last_;
  for (Source& other : others_) {
    if (other.ssrc != ssrc) continue;
    std::swap(last_, other);
    return &last_;
  }
  return nullptr;
}

SrtpContext::Source* SrtpContext::remember(uint32_t ssrc) {
  if (heard_) others_.push_back(last_);
  heard_ = true;
  last_ = Source();
  last_.ssrc = ssrc;
  return &last_;
}

int SrtpContext::open(uint8_t* packet, int length) {
  const int to = length - rtp_.tagBytes();
  const int from = rtpHeaderBytes(packet, to);
  if (from < 0) return kSrtpMalformed;
  const uint32_t ssrc = readU32(packet + 8);
  const uint16_t sequence = readU16(packet + 2);
  Source* source = find(ssrc);
  if (!source && full()) return kSrtpSources;
  const int64_t index = estimateIndex(source ? source->rtp.highest : -1, sequence);
  if (source && !source->rtp.check(index)) return kSrtpReplay;
  if (!rtp_.openRtp(packet, from, to, ssrc, static_cast<uint32_t>(index >> 16), sequence)) return kSrtpAuthentication;
  (source ? source : remember(ssrc))->rtp.commit(index);
  return to;
}

int SrtpContext::seal(uint8_t* packet, int length, int capacity) {
  const int from = rtpHeaderBytes(packet, length);
  if (from < 0) return kSrtpMalformed;
  if (length + rtp_.tagBytes() > capacity) return kSrtpRoom;
  const uint32_t ssrc = readU32(packet + 8);
  const uint16_t sequence = readU16(packet + 2);
  Source* source = find(ssrc);
  if (!source && full()) return kSrtpSources;
  if (!source) source = remember(ssrc);
  const int64_t index = estimateIndex(source->rtp.highest, sequence);
  if (!source->rtp.check(index)) return kSrtpReplay;
  rtp_.sealRtp(packet, from, length, ssrc, static_cast<uint32_t>(index >> 16), sequence);
  source->rtp.commit(index);
  return length + rtp_.tagBytes();
}

int SrtpContext::openRtcp(uint8_t* packet, int length) {
  const int to = length - rtcp_.tagBytes() - kIndexWordBytes;
  if (to < kRtcpHeaderBytes || packet[0] >> 6 != 2) return kSrtpMalformed;
  const uint32_t ssrc = readU32(packet + 4);
  const uint32_t word = readU32(packet + (rtcp_.aead() ? length - kIndexWordBytes : to));
  const int64_t index = word & ~kEncrypted;
  Source* source = find(ssrc);
  if (!source && full()) return kSrtpSources;
  if (source && !source->rtcp.check(index)) return kSrtpReplay;
  if (!rtcp_.openRtcp(packet, to, ssrc, word)) return kSrtpAuthentication;
  (source ? source : remember(ssrc))->rtcp.commit(index);
  return to;
}

int SrtpContext::sealRtcp(uint8_t* packet, int length, int capacity) {
  if (length < kRtcpHeaderBytes || packet[0] >> 6 != 2) return kSrtpMalformed;
  const int sealed = length + rtcp_.tagBytes() + kIndexWordBytes;
  if (sealed > capacity) return kSrtpRoom;
  const uint32_t ssrc = readU32(packet + 4);
  Source* source = find(ssrc);
  if (!source && full()) return kSrtpSources;
  if (!source) source = remember(ssrc);
  const int64_t index = source->rtcp.highest + 1;
  if (index >= kRtcpIndexLimit) return kSrtpExhausted;
  rtcp_.sealRtcp(packet, length, ssrc, kEncrypted | static_cast<uint32_t>(index));
  source->rtcp.commit(index);
  return sealed;
}

}  // namespace trunkline
