// AES in counter mode by the processor's AES instructions (FIPS 197; x86-64): for voice packets a library's call, and the
// fetching of its scattered contexts from memory, cost more than the enciphering.
#ifndef TRUNKLINE_AES_H
#define TRUNKLINE_AES_H

#include <cstdint>

namespace trunkline {

class AesCounter {
 public:
  static constexpr int kBlockBytes = 16;

  AesCounter() = default;
  ~AesCounter();
  AesCounter(const AesCounter&) = delete;
  AesCounter& operator=(const AesCounter&) = delete;

  // Whether this processor has the instructions; nothing else may be called where it has not.
  static bool available();
  // `keyBytes`: 16, 24 or 32.
  void init(const uint8_t* key, int keyBytes);
  bool ready() const { return rounds_ > 0; }
  // XORs `count` octets with the key stream from `iv`, whose last two octets are 0 and count blocks (RFC 3711 §4.1.1).
  void apply(const uint8_t iv[kBlockBytes], uint8_t* bytes, int count) const;

 private:
  static constexpr int kMaxRounds = 14;
  int rounds_ = 0;
  uint8_t keys_[kMaxRounds + 1][kBlockBytes] = {};
};

}  // namespace trunkline

#endif
