import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessKeyConfig } from '../../config/index.js';

/** Who calls: an access key's id and role. */
export interface Caller {
  readonly id: string;
  readonly role: 'admin' | 'readonly';
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Judges an Authorization field of HTTP Basic (RFC 7617), key id as user and secret as password. Every key is compared,
 * each in constant time, so that the answer's time tells neither which ids exist nor how much of a secret was right.
 */
export function identifyCaller(
  authorization: string | undefined,
  keys: readonly AccessKeyConfig[],
): Caller | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const given = digest(Buffer.from(encoded, 'base64').toString('utf8'));
  let caller: Caller | undefined;
  for (const { id, secret, role } of keys) {
    if (timingSafeEqual(given, digest(`${id}:${secret}`))) caller = { id, role };
  }
  return caller;
}
