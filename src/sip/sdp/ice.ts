import type { MediaSection, SessionDescription } from './description.js';
import { inheritedAttribute } from './media-facts.js';

/** What a browser's description says about its transport: ICE (RFC 8839) and DTLS (RFC 8122, RFC 4145). */

export interface IceFacts {
  readonly ufrag: string;
  readonly password: string;
  readonly lite: boolean;
  /** Values of the a=candidate lines, in order. */
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
}

/** Undefined where the section has no ICE credentials at either level. */
export function iceFacts(description: SessionDescription, media: MediaSection): IceFacts | undefined {
  const ufrag = inheritedAttribute(description, media, 'ice-ufrag');
  const password = inheritedAttribute(description, media, 'ice-pwd');
  if (!ufrag || !password) return undefined;
  return {
    ufrag,
    password,
    lite: description.session.has('ice-lite'),
    candidates: media.attributes('candidate'),
    endOfCandidates: inheritedAttribute(description, media, 'end-of-candidates') !== undefined,
  };
}

export interface Fingerprint {
  /** Hash function in lower case, such as `sha-256`. */
  readonly hash: string;
  /** Upper-case hexadecimal bytes with colons between. */
  readonly value: string;
}

export interface DtlsFacts {
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: 'active' | 'passive' | 'actpass' | 'holdconn' | undefined;
}

const FINGERPRINT = /^([A-Za-z0-9-]+) +((?:[0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2}) *$/;
const SETUPS = ['active', 'passive', 'actpass', 'holdconn'] as const;

/** Undefined where neither level has a readable fingerprint; those of the section hide those of the session. */
export function dtlsFacts(description: SessionDescription, media: MediaSection): DtlsFacts | undefined {
  const own = fingerprintsOf(media.attributes('fingerprint'));
  const fingerprints = own.length > 0 ? own : fingerprintsOf(description.session.attributes('fingerprint'));
  if (fingerprints.length === 0) return undefined;
  const setup = inheritedAttribute(description, media, 'setup');
  return { fingerprints, setup: SETUPS.find((known) => known === setup) };
}

function fingerprintsOf(values: readonly string[]): Fingerprint[] {
  return values.flatMap((value) => {
    const match = FINGERPRINT.exec(value);
    return match === null ? [] : [{ hash: match[1]!.toLowerCase(), value: match[2]!.toUpperCase() }];
  });
}
