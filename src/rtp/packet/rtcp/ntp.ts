/** NTP timestamps as RTCP uses them (RFC 3550 §4): seconds since 1900 and 1/2^32 s. */

/** Seconds from 1900 to 1970 */
const EPOCH_OFFSET_SECONDS = 2_208_988_800;

export interface NtpTime {
  readonly seconds: number;
  readonly fraction: number;
}

/** @param wallMs milliseconds since 1970, fractional */
export function ntpFromWall(wallMs: number): NtpTime {
  const whole = Math.floor(wallMs / 1000);
  return {
    seconds: (whole + EPOCH_OFFSET_SECONDS) % 2 ** 32,
    fraction: Math.floor((wallMs / 1000 - whole) * 2 ** 32),
  };
}

/** The middle 32 bits, in 1/65536 s: what LSR carries (§6.4.1). */
export const middle32 = (seconds: number, fraction: number): number =>
  (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;

/**
 * Round trip from a report block (§6.4.1): arrival − LSR − DLSR, all in 1/65536 s, on the clock that wrote LSR.
 * @returns 1/65536 s; 0 where clock grain would make it negative
 */
export function roundTrip(arrivalMiddle32: number, lastSr: number, delaySinceLastSr: number): number {
  return Math.max(0, (arrivalMiddle32 - lastSr - delaySinceLastSr) | 0);
}
