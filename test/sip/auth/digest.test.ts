import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { computeHa1, computeResponse, computeUserHash, parseAlgorithm } from '../../../src/sip/auth/index.js';

interface Example {
  ref: string;
  alg: string;
  user: string;
  realm: string;
  pw: string;
  method: string;
  uri: string;
  nonce: string;
  nc?: string;
  cnonce?: string;
  qop?: string;
  body?: string;
  response: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/digest.json', import.meta.url), 'utf8')) as {
  examples: Example[];
  userhash: { value: string };
};

describe('digest arithmetic', () => {
  it.each(vectors.examples.map((example, index) => [index, example] as const))(
    'computes vector %i',
    (_index, example) => {
      const algorithm = parseAlgorithm(example.alg)!;
      const ha1 = computeHa1(algorithm.hash, example.user, example.realm, example.pw);
      const { method, uri, nonce, nc, cnonce, qop } = example;
      const body = example.body === undefined ? undefined : Buffer.from(example.body);
      expect(computeResponse({ algorithm, ha1, method, uri, nonce, nc, cnonce, qop, body })).toBe(example.response);
    },
  );

  it('has vectors to compute', () => {
    expect(vectors.examples.length).toBeGreaterThan(15);
  });

  it('hashes a user name for userhash', () => {
    expect(computeUserHash('SHA-512-256', 'Jäsøn Doe', 'api@example.org')).toBe(vectors.userhash.value);
  });

  it('takes a missing algorithm for MD5 and knows no others than its own', () => {
    expect(parseAlgorithm(undefined)).toEqual({ hash: 'MD5', session: false });
    expect(parseAlgorithm('sha-256-sess')).toEqual({ hash: 'SHA-256', session: true });
    expect(parseAlgorithm('AKAv1-MD5')).toBeUndefined();
  });
});
