// Big-endian words in packets.
#ifndef TRUNKLINE_BYTES_H
#define TRUNKLINE_BYTES_H

#include <cstdint>

namespace trunkline {

inline uint16_t readU16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

inline uint32_t readU32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 | static_cast<uint32_t>(at[2]) << 8 |
         at[3];
}

inline void writeU32(uint8_t* at, uint32_t word) {
  at[0] = static_cast<uint8_t>(word >> 24);
  at[1] = static_cast<uint8_t>(word >> 16);
  at[2] = static_cast<uint8_t>(word >> 8);
  at[3] = static_cast<uint8_t>(word);
}

inline void xorU32(uint8_t* at, uint32_t word) { writeU32(at, readU32(at) ^ word); }

}  // namespace trunkline

#endif
