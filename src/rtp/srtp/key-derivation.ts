/**
 * Session keys from a master key and salt (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11), key derivation rate 0:
 * keys are derived once.
 *
 *   x = master salt XOR (label · 2^48)        key = first bytes of AES-CM(master key, IV = x · 2^16)
 *
 * The GCM suites use the same function, their 96-bit salt padded with zero bits on the right to 112.
 */
import { createCipheriv } from 'node:crypto';
import { GatewayError } from '../../core/index.js';
import type { SrtpKeys, SrtpSuite } from '../engine.js';
import { SUITES } from './suites.js';

export interface SessionKeys {
  readonly cipherKey: Buffer;
  /** 20 bytes; unused by the GCM suites. */
  readonly authKey: Buffer;
  readonly salt: Buffer;
}

/** RFC 3711 §4.3.2: label of the cipher key; authentication key and salt follow it. */
const RTP_LABEL = 0;
const RTCP_LABEL = 3;
const AUTH_KEY_BYTES = 20;

/**
 * Derives both sets of session keys.
 * @throws GatewayError `media.srtp-key` when the key's length does not fit the suite
 */
export function deriveSessionKeys({ suite, key }: SrtpKeys): { rtp: SessionKeys; rtcp: SessionKeys } {
  const { keyBytes, saltBytes } = SUITES[suite];
  if (key.length !== keyBytes + saltBytes) {
    throw new GatewayError('media.srtp-key', 'An SRTP master key has the wrong length for its suite', {
      origin: 'remote',
      sipStatus: 488,
    });
  }
  const masterKey = key.subarray(0, keyBytes);
  const masterSalt = key.subarray(keyBytes);
  return {
    rtp: sessionKeys(suite, masterKey, masterSalt, RTP_LABEL),
    rtcp: sessionKeys(suite, masterKey, masterSalt, RTCP_LABEL),
  };
}

function sessionKeys(suite: SrtpSuite, masterKey: Buffer, masterSalt: Buffer, label: number): SessionKeys {
  const { keyBytes, saltBytes } = SUITES[suite];
  return {
    cipherKey: derive(masterKey, masterSalt, label, keyBytes),
    authKey: derive(masterKey, masterSalt, label + 1, AUTH_KEY_BYTES),
    salt: derive(masterKey, masterSalt, label + 2, saltBytes),
  };
}

/** The pseudo-random function: AES counter mode under the master key (RFC 3711 §4.3.3). */
export function derive(masterKey: Buffer, masterSalt: Buffer, label: number, count: number): Buffer {
  const iv = Buffer.alloc(16);
  masterSalt.copy(iv);
  iv[7] = iv[7]! ^ label;
  const cipher = createCipheriv(`aes-${masterKey.length * 8}-ctr`, masterKey, iv);
  return cipher.update(Buffer.alloc(count));
}
