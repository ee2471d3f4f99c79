// Big-endian words in packets.
#ifndef TRUNKLINE_BYTES_H
#define TRUNKLINE_BYTES_H

#include <endian.h>

#include <cstdint>
#include <cstring>

namespace trunkline {

inline uint16_t readU16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

inline uint32_t readU32(const uint8_t* at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return be32toh(word);
}

inline void writeU32(uint8_t* at, uint32_t word) {
  word = htobe32(word);
  memcpy(at, &word, sizeof word);
}

inline void xorU32(uint8_t* at, uint32_t word) { writeU32(at, readU32(at) ^ word); }

}  // namespace trunkline

#endif
