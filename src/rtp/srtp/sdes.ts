/**
 * Security descriptions: the `a=crypto` lines of SDP (RFC 4568 §4, §6, §9).
 *
 *   a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<base64 key‖salt>|2^31|1:4 KDR=0 …
 *            │ suite                   └ key parameter: key, lifetime, MKI ┘ └ session parameters
 *            └ tag
 *
 * Parsing says what stands on the line; whether it may be used is negotiation's question (sdes-negotiation.ts).
 */
import { isSrtpSuite, SUITES } from './suites.js';

export interface InlineKey {
  /** Master key, then master salt. */
  readonly key: Buffer;
  /** Packets the key may protect, at most 2^48; absent: the suite's limit. */
  readonly lifetimePackets?: number;
  /** Master key identifier. */
  readonly mki?: { readonly value: bigint; readonly lengthBytes: number };
}

export interface CryptoLine {
  /** 0–999999999, unique within its media section. */
  readonly tag: number;
  /** Suite as written; may be one this gateway does not have. */
  readonly suite: string;
  /** At least one; several only with MKI. */
  readonly keys: readonly InlineKey[];
  /** As written: `KDR=24`, `UNENCRYPTED_SRTP`, `-OPTIONAL=1`. */
  readonly sessionParameters: readonly string[];
}

/** A line that cannot be read, and why; never carries key material. */
export interface CryptoFault {
  readonly fault: string;
}

const LINE = /^(?:a=)?(?:crypto:)?(\d{1,9})[ \t]+([A-Za-z0-9_]{1,64})[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*$/;
const KEY_INFO = /^inline:([A-Za-z0-9+/]+={0,2})(?:\|(2\^\d{1,2}|\d{1,15}))?(?:\|(\d{1,309}):(\d{1,3}))?$/;
const MAX_LINE_LENGTH = 4096;
const MAX_LIFETIME = 2 ** 48;
const MAX_MKI_BYTES = 128;

const fault = (text: string): CryptoFault => ({ fault: text });

/** Whether parsing gave a fault. */
export const isCryptoFault = (parsed: object): parsed is CryptoFault => 'fault' in parsed;

/**
 * Parses one line, with or without its `a=crypto:`.
 * @returns the line, or why it is not one (RFC 4568 §9.1)
 */
export function parseCrypto(line: string): CryptoLine | CryptoFault {
  if (line.length > MAX_LINE_LENGTH) return fault('line too long');
  const parts = LINE.exec(line);
  if (!parts) return fault('not a crypto attribute: tag, suite and key parameters expected');
  const suite = parts[2]!;
  const keys: InlineKey[] = [];
  for (const parameter of parts[3]!.split(';')) {
    const key = parseKey(parameter, suite);
    if (isCryptoFault(key)) return key;
    keys.push(key);
  }
  if (keys.length > 1 && keys.some(({ mki }) => !mki)) return fault('several keys without MKI');
  const sessionParameters = parts[4]!.split(/[ \t]+/).filter((word) => word !== '');
  return { tag: Number(parts[1]), suite, keys, sessionParameters };
}

function parseKey(parameter: string, suite: string): InlineKey | CryptoFault {
  if (!parameter.startsWith('inline:')) return fault('unknown key method');
  const parts = KEY_INFO.exec(parameter);
  if (!parts) return fault('malformed inline key');
  const key = Buffer.from(parts[1]!, 'base64');
  if (isSrtpSuite(suite) && key.length !== SUITES[suite].keyBytes + SUITES[suite].saltBytes) {
    return fault('key length does not fit the suite');
  }
  const lifetimePackets = parts[2] === undefined ? undefined : parseLifetime(parts[2]);
  if (lifetimePackets !== undefined && !(lifetimePackets >= 1 && lifetimePackets <= MAX_LIFETIME)) {
    return fault('lifetime out of range');
  }
  const mki = parts[3] === undefined ? undefined : { value: BigInt(parts[3]), lengthBytes: Number(parts[4]) };
  if (mki && !mkiFits(mki)) return fault('MKI out of range');
  return { key, ...(lifetimePackets === undefined ? {} : { lifetimePackets }), ...(mki ? { mki } : {}) };
}

const parseLifetime = (text: string): number => (text.startsWith('2^') ? 2 ** Number(text.slice(2)) : Number(text));

const mkiFits = ({ value, lengthBytes }: { value: bigint; lengthBytes: number }): boolean =>
  lengthBytes >= 1 && lengthBytes <= MAX_MKI_BYTES && value < 1n << BigInt(8 * lengthBytes);

/** Writes a line as it stands in SDP, with `a=crypto:` and without a line end. */
export function serializeCrypto({ tag, suite, keys, sessionParameters }: CryptoLine): string {
  const words = [`a=crypto:${tag}`, suite, keys.map(serializeKey).join(';'), ...sessionParameters];
  return words.join(' ');
}

function serializeKey({ key, lifetimePackets, mki }: InlineKey): string {
  const lifetime = lifetimePackets === undefined ? '' : `|${serializeLifetime(lifetimePackets)}`;
  return `inline:${key.toString('base64')}${lifetime}${mki ? `|${mki.value}:${mki.lengthBytes}` : ''}`;
}

function serializeLifetime(packets: number): string {
  const exponent = Math.log2(packets);
  return Number.isInteger(exponent) ? `2^${exponent}` : String(packets);
}
