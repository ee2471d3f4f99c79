/** The crypto suites by what they need and cost (RFC 4568 §6.2, RFC 6188 §3, RFC 7714 §12–14). */
import type { SrtpSuite } from '../engine.js';

export interface SuiteFacts {
  /** Master and session cipher key. */
  readonly keyBytes: 16 | 24 | 32;
  /** Master and session salt. */
  readonly saltBytes: 14 | 12;
  /** Authentication tag at the end of an RTP packet. */
  readonly rtpTagBytes: 4 | 10 | 16;
  /** Tag of an RTCP packet; 80 bits for the _32 suites too (RFC 4568 §6.2.2). */
  readonly rtcpTagBytes: 10 | 16;
  /** GCM: encrypts and authenticates in one. */
  readonly aead: boolean;
}

const counterMode = (keyBytes: 16 | 24 | 32, rtpTagBytes: 4 | 10): SuiteFacts => ({
  keyBytes,
  saltBytes: 14,
  rtpTagBytes,
  rtcpTagBytes: 10,
  aead: false,
});

const gcm = (keyBytes: 16 | 32): SuiteFacts => ({
  keyBytes,
  saltBytes: 12,
  rtpTagBytes: 16,
  rtcpTagBytes: 16,
  aead: true,
});

export const SUITES: Readonly<Record<SrtpSuite, SuiteFacts>> = {
  AES_CM_128_HMAC_SHA1_80: counterMode(16, 10),
  AES_CM_128_HMAC_SHA1_32: counterMode(16, 4),
  AES_192_CM_HMAC_SHA1_80: counterMode(24, 10),
  AES_192_CM_HMAC_SHA1_32: counterMode(24, 4),
  AES_256_CM_HMAC_SHA1_80: counterMode(32, 10),
  AES_256_CM_HMAC_SHA1_32: counterMode(32, 4),
  AEAD_AES_128_GCM: gcm(16),
  AEAD_AES_256_GCM: gcm(32),
};

/** Most bytes that sealing adds: the 16-byte tag and SRTCP's index word. */
export const MAX_OVERHEAD_BYTES = 20;

export const isSrtpSuite = (name: string): name is SrtpSuite => Object.hasOwn(SUITES, name);
