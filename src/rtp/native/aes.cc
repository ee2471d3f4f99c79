#include "aes.h"

#include <openssl/crypto.h>

#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#define WITH_AES __attribute__((target("aes,sse4.1")))
#endif

namespace trunkline {

AesCounter::~AesCounter() {
  if (ready()) OPENSSL_cleanse(keys_, sizeof keys_);
}

#ifdef __x86_64__

namespace {

// Blocks under way at a time: an instruction's result takes some cycles, in which others are begun.
constexpr uint32_t kLanes = 4;
constexpr int kStrideBytes = kLanes * AesCounter::kBlockBytes;
constexpr int kWordBytes = 4;

// FIPS 197 §5.2; the instruction gives SubWord of its second word in the first.
WITH_AES uint32_t subWord(uint32_t word) {
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_aeskeygenassist_si128(_mm_set1_epi32(static_cast<int>(word)), 0)));
}

// Words are as they lie in memory, so the first octet is the lowest.
uint32_t rotWord(uint32_t word) { return word >> 8 | word << 24; }

WITH_AES __m128i load(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

WITH_AES void store(uint8_t* at, __m128i block) { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), block); }

// The end of a packet, less than all lanes.
WITH_AES void applyLast(const __m128i* lanes, uint8_t* bytes, int count) {
  for (; count >= AesCounter::kBlockBytes; lanes++, bytes += AesCounter::kBlockBytes, count -= AesCounter::kBlockBytes) {
    store(bytes, _mm_xor_si128(load(bytes), *lanes));
  }
  uint8_t stream[AesCounter::kBlockBytes];
  if (count > 0) store(stream, *lanes);
  for (int at = 0; at < count; at++) bytes[at] ^= stream[at];
}

WITH_AES __m128i counterBlock(__m128i iv, uint32_t block) {
  return _mm_xor_si128(iv, _mm_insert_epi32(_mm_setzero_si128(), static_cast<int>(__builtin_bswap32(block)), 3));
}

}  // namespace

bool AesCounter::available() {
  static const bool has = __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
  return has;
}

void AesCounter::init(const uint8_t* key, int keyBytes) {
  const int keyWords = keyBytes / kWordBytes;
  uint32_t words[(kMaxRounds + 1) * kBlockBytes / kWordBytes];
  rounds_ = keyWords + 6;
  memcpy(words, key, static_cast<size_t>(keyBytes));
  uint32_t constant = 1;
  for (int at = keyWords; at < (rounds_ + 1) * kBlockBytes / kWordBytes; at++) {
    uint32_t word = words[at - 1];
    if (at % keyWords == 0) {
      word = rotWord(subWord(word)) ^ constant;
      constant = constant << 1 ^ (constant & 0x80 ? 0x11b : 0);
    } else if (keyWords > 6 && at % keyWords == 4) {
      word = subWord(word);
    }
    words[at] = words[at - keyWords] ^ word;
  }
  memcpy(keys_, words, static_cast<size_t>((rounds_ + 1) * kBlockBytes));
  OPENSSL_cleanse(words, sizeof words);
}

WITH_AES void AesCounter::apply(const uint8_t iv[kBlockBytes], uint8_t* bytes, int count) const {
  const __m128i first = load(iv);
  for (uint32_t block = 0; count > 0; block += kLanes) {
    __m128i lanes[kLanes];
    __m128i key = load(keys_[0]);
#pragma GCC unroll 8
    for (uint32_t lane = 0; lane < kLanes; lane++) lanes[lane] = _mm_xor_si128(counterBlock(first, block + lane), key);
    for (int round = 1; round < rounds_; round++) {
      key = load(keys_[round]);
#pragma GCC unroll 8
      for (uint32_t lane = 0; lane < kLanes; lane++) lanes[lane] = _mm_aesenc_si128(lanes[lane], key);
    }
    key = load(keys_[rounds_]);
#pragma GCC unroll 8
    for (uint32_t lane = 0; lane < kLanes; lane++) lanes[lane] = _mm_aesenclast_si128(lanes[lane], key);
    if (count < kStrideBytes) return applyLast(lanes, bytes, count);
#pragma GCC unroll 8
    for (uint32_t lane = 0; lane < kLanes; lane++) {
      uint8_t* at = bytes + lane * kBlockBytes;
      store(at, _mm_xor_si128(load(at), lanes[lane]));
    }
    bytes += kStrideBytes;
    count -= kStrideBytes;
  }
}

#else

bool AesCounter::available() { return false; }
void AesCounter::init(const uint8_t*, int) {}
void AesCounter::apply(const uint8_t[kBlockBytes], uint8_t*, int) const {}

#endif

}  // namespace trunkline
