import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/index.js';
import {
  computeHa1,
  computeResponse,
  DigestClient,
  parseAlgorithm,
  parseAuthParams,
} from '../../../src/sip/auth/index.js';
import { SipResponse } from '../../../src/sip/message/index.js';

const challenge = (status: number, ...rows: [string, string][]): SipResponse => {
  const response = SipResponse.create(status);
  for (const [name, value] of rows) response.headers.append(name, value);
  return response;
};

const www = (value: string): [string, string] => ['WWW-Authenticate', value];
const client = (realm?: string): DigestClient =>
  new DigestClient(
    { username: 'trunk-7', password: 'correct horse', ...(realm ? { realm } : {}) },
    new SeededRandom(7),
  );

describe('the client side of digest', () => {
  it('answers the strongest algorithm it knows, whatever the order', () => {
    const digest = client();
    const response = challenge(
      401,
      www('Digest realm="a", nonce="n1", algorithm=AKAv2-SHA-256, qop="auth"'),
      www('Digest realm="a", nonce="n2", algorithm=MD5, qop="auth"'),
      www('Digest realm="a", nonce="n3", algorithm=SHA-256, qop="auth,auth-int"'),
    );
    expect(digest.learn(response, new Map(), true)).toBe(true);
    const [name, value] = digest.authorize('INVITE', 'sip:b@x')[0]!;
    const { values } = parseAuthParams(value)!;
    expect(name).toBe('Authorization');
    expect(values.get('nonce')).toBe('n3');
    expect(values.get('nc')).toBe('00000001');
    const facts = {
      method: 'INVITE',
      uri: 'sip:b@x',
      nonce: 'n3',
      nc: '00000001',
      cnonce: values.get('cnonce')!,
      qop: 'auth',
    };
    const ha1 = computeHa1('SHA-256', 'trunk-7', 'a', 'correct horse');
    expect(values.get('response')).toBe(computeResponse({ algorithm: parseAlgorithm('SHA-256')!, ha1, ...facts }));
  });

  it('answers some realms on the way of a request, not ever new ones', () => {
    const digest = client();
    const tally = new Map<string, number>();
    const answered = Array.from({ length: 20 }, (_, at) =>
      digest.learn(challenge(401, www(`Digest realm="r${at}", nonce="n", qop="auth"`)), tally, true),
    );
    expect(answered.filter(Boolean)).toHaveLength(8);
  });

  it('answers without qop as RFC 2069 does, and echoes opaque', () => {
    const digest = client();
    digest.learn(
      challenge(407, ['Proxy-Authenticate', 'Digest realm="a \\"b\\"", nonce="n", opaque="o"']),
      new Map(),
      true,
    );
    const [name, value] = digest.authorize('BYE', 'sip:b@x')[0]!;
    expect(name).toBe('Proxy-Authorization');
    expect(value).toContain('realm="a \\"b\\""');
    expect(value).toContain('opaque="o"');
    expect(value).not.toMatch(/nc=|cnonce|qop|algorithm/);
    const ha1 = computeHa1('MD5', 'trunk-7', 'a "b"', 'correct horse');
    const expected = computeResponse({
      algorithm: parseAlgorithm('MD5')!,
      ha1,
      method: 'BYE',
      uri: 'sip:b@x',
      nonce: 'n',
    });
    expect(parseAuthParams(value)!.values.get('response')).toBe(expected);
  });

  it('uses the nonce on with a rising count', () => {
    const digest = client();
    digest.learn(challenge(401, www('Digest realm="a", nonce="n", qop="auth"')), new Map(), true);
    const counts = [1, 2, 3].map(() => /nc=(\w+)/.exec(digest.authorize('INVITE', 'sip:b@x')[0]![1])![1]);
    expect(counts).toEqual(['00000001', '00000002', '00000003']);
  });

  it('gives up after a second challenge, but follows a stale nonce once', () => {
    const fresh = challenge(401, www('Digest realm="a", nonce="n1", qop="auth"'));
    const again = challenge(401, www('Digest realm="a", nonce="n2", qop="auth"'));
    const stale = challenge(401, www('Digest realm="a", nonce="n2", qop="auth", stale=TRUE'));
    const refused = new Map();
    expect(client().learn(fresh, refused, true)).toBe(true);
    expect(client().learn(again, refused, true)).toBe(false);
    const moved = new Map();
    const digest = client();
    expect(digest.learn(fresh, moved, true)).toBe(true);
    expect(digest.learn(stale, moved, true)).toBe(true);
    expect(digest.authorize('INVITE', 'sip:b')[0]![1]).toContain('nonce="n2"');
    expect(digest.learn(stale, moved, true)).toBe(false);
  });

  it('never answers another realm than the configured one, nor a new one inside a dialog', () => {
    const other = challenge(401, www('Digest realm="evil", nonce="n", qop="auth"'));
    expect(client('a').learn(other, new Map(), true)).toBe(false);
    expect(client().learn(other, new Map(), false)).toBe(false);
    const digest = client();
    digest.learn(challenge(401, www('Digest realm="a", nonce="n", qop="auth"')), new Map(), true);
    expect(digest.learn(other, new Map(), false)).toBe(false);
    expect(digest.learn(challenge(401, www('Digest realm="a", nonce="n9", qop="auth"')), new Map(), false)).toBe(true);
  });

  it('answers a proxy and the server behind it, each in its own field', () => {
    const digest = client();
    const tally = new Map();
    expect(digest.learn(challenge(407, ['Proxy-Authenticate', 'Digest realm="p", nonce="1"']), tally, true)).toBe(true);
    expect(digest.learn(challenge(401, www('Digest realm="s", nonce="2"')), tally, true)).toBe(true);
    const names = digest.authorize('INVITE', 'sip:b').map(([name]) => name);
    expect(names).toEqual(['Proxy-Authorization', 'Authorization']);
  });

  it.each([
    'Basic realm="a"',
    'Digest nonce="n"',
    'Digest realm="a"',
    'Digest realm="a", nonce="n", qop="auth-int"',
    'Digest realm="a", realm="b", nonce="n"',
    'Digest',
  ])('leaves alone what it cannot answer: %s', (value) => {
    expect(client().learn(challenge(401, www(value)), new Map(), true)).toBe(false);
  });
});
