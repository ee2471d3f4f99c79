import { createHash } from 'node:crypto';
import type { Credentials } from '../topology.js';

/** Digest as the peers have it (RFC 7616 §3.4.1, MD5 with qop=auth), reckoned without the gateway's own code. */

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** A parameter of a challenge or of credentials, without its quotes; '' where there is none. */
export const digestPart = (value: string, name: string): string => {
  const found = new RegExp(`(?:^|[\\s,])${name}=(?:"([^"]*)"|([^,\\s]+))`).exec(value);
  return found?.[1] ?? found?.[2] ?? '';
};

interface Proof {
  readonly realm: string;
  readonly nonce: string;
  readonly count: string;
  readonly clientNonce: string;
  readonly method: string;
  readonly uri: string;
}

function responseOf({ username, password }: Credentials, proof: Proof): string {
  const first = md5(`${username}:${proof.realm}:${password}`);
  const second = md5(`${proof.method}:${proof.uri}`);
  return md5([first, proof.nonce, proof.count, proof.clientNonce, 'auth', second].join(':'));
}

/** True when the credentials of a request are right for the nonce given. */
export function provesTo(value: string, credentials: Credentials, method: string, nonce: string): boolean {
  const proof = {
    realm: digestPart(value, 'realm'),
    nonce,
    count: digestPart(value, 'nc'),
    clientNonce: digestPart(value, 'cnonce'),
    method,
    uri: digestPart(value, 'uri'),
  };
  return digestPart(value, 'nonce') === nonce && digestPart(value, 'response') === responseOf(credentials, proof);
}

/** The Authorization value that answers a challenge. */
export function answerTo(challenge: string, credentials: Credentials, method: string, uri: string): string {
  const realm = digestPart(challenge, 'realm');
  const nonce = digestPart(challenge, 'nonce');
  const proof = { realm, nonce, count: '00000001', clientNonce: 'simulated', method, uri };
  const parts = [
    `username="${credentials.username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${responseOf(credentials, proof)}"`,
    'algorithm=MD5',
    'qop=auth',
    'nc=00000001',
    'cnonce="simulated"',
  ];
  return `Digest ${parts.join(', ')}`;
}
