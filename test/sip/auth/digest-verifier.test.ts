import { beforeEach, describe, expect, it } from 'vitest';
import { Counters, SeededRandom, VirtualTime } from '../../../src/core/index.js';
import {
  Bans,
  DEFAULT_NONCES,
  DigestClient,
  DigestVerifier,
  Nonces,
  parseAuthParams,
  type StoredDigests,
  storedDigests,
} from '../../../src/sip/auth/index.js';
import { SipRequest, SipResponse } from '../../../src/sip/message/index.js';

const REALM = 'voice.example.net';
const URI = 'sip:+12025550123@voice.example.net';
const SOURCE = '192.0.2.7';
const users: Record<string, StoredDigests> = { 'trunk-7': storedDigests('trunk-7', REALM, 'correct horse') };

describe('the server side of digest', () => {
  let time: VirtualTime;
  let counters: Counters;
  let bans: Bans;
  let verifier: DigestVerifier;

  beforeEach(() => {
    time = new VirtualTime();
    counters = new Counters();
    bans = new Bans(time);
    const nonces = new Nonces(time, new SeededRandom(1), Buffer.alloc(32, 1));
    verifier = new DigestVerifier({ nonces, bans, counters, algorithms: ['SHA-256', 'MD5'], dummySecret: 'x' });
  });

  const verify = (request: SipRequest, source = SOURCE) =>
    verifier.verify({ request, source, realm: REALM, role: 'server', lookup: (name) => users[name] });

  const challenged = (stale = false, source = SOURCE): SipResponse => {
    const response = SipResponse.create(401);
    for (const [name, value] of verifier.challenge(source, REALM, 'server', stale))
      response.headers.append(name, value);
    return response;
  };

  const login = (username = 'trunk-7', password = 'correct horse'): DigestClient => {
    const client = new DigestClient({ username, password }, new SeededRandom(2));
    expect(client.learn(challenged(), new Map(), true)).toBe(true);
    return client;
  };

  const invite = (client: DigestClient, uri = URI, method = 'INVITE'): SipRequest => {
    const request = SipRequest.create(method, uri);
    for (const [name, value] of client.authorize(method, uri)) request.headers.append(name, value);
    return request;
  };

  it('challenges once for each algorithm, most wanted first', () => {
    const rows = verifier.challenge(SOURCE, REALM, 'proxy', true);
    expect(rows.map(([name]) => name)).toEqual(['Proxy-Authenticate', 'Proxy-Authenticate']);
    expect(rows.map(([, value]) => /algorithm=([\w-]+)/.exec(value)![1])).toEqual(['SHA-256', 'MD5']);
    expect(rows.every(([, value]) => value.includes('stale=true') && value.includes('qop="auth"'))).toBe(true);
  });

  it('finds no credentials, or none for its realm', () => {
    expect(verify(SipRequest.create('INVITE', URI))).toEqual({ state: 'none' });
    const request = SipRequest.create('INVITE', URI);
    request.headers.append(
      'Authorization',
      'Digest username="trunk-7", realm="elsewhere", nonce="n", uri="x", response="y"',
    );
    expect(verify(request)).toEqual({ state: 'none' });
  });

  it('admits the right password, and each further count', () => {
    const client = login();
    expect(verify(invite(client))).toEqual({ state: 'valid', username: 'trunk-7' });
    expect(verify(invite(client))).toEqual({ state: 'valid', username: 'trunk-7' });
  });

  it('admits each algorithm it offers', () => {
    for (const keep of ['SHA-256', 'MD5']) {
      const response = SipResponse.create(401);
      for (const [name, value] of verifier.challenge(SOURCE, REALM, 'server', false)) {
        if (value.includes(`algorithm=${keep},`)) response.headers.append(name, value);
      }
      const client = new DigestClient({ username: 'trunk-7', password: 'correct horse' }, new SeededRandom(2));
      client.learn(response, new Map(), true);
      expect(verify(invite(client)).state).toBe('valid');
    }
  });

  it('refuses a wrong password and an unknown user alike', () => {
    expect(verify(invite(login('trunk-7', 'wrong')))).toEqual({ state: 'invalid' });
    expect(verify(invite(login('nobody', 'x')))).toEqual({ state: 'invalid' });
  });

  it('refuses credentials made for another method or another Request-URI', () => {
    const client = login();
    const [name, value] = client.authorize('INVITE', URI)[0]!;
    const bye = SipRequest.create('BYE', URI);
    bye.headers.append(name, value);
    expect(verify(bye).state).toBe('invalid');
    const elsewhere = SipRequest.create('INVITE', 'sip:+19995550123@voice.example.net');
    elsewhere.headers.append(name, value);
    expect(verify(elsewhere).state).toBe('invalid');
  });

  it('takes a uri that means the same as the Request-URI', () => {
    const client = login();
    const request = SipRequest.create('INVITE', URI);
    const [name, value] = client.authorize('INVITE', 'sip:+12025550123@VOICE.example.net')[0]!;
    request.headers.append(name, value);
    expect(verify(request).state).toBe('valid');
  });

  it('knows a replayed count', () => {
    const request = invite(login());
    expect(verify(request).state).toBe('valid');
    expect(verify(request).state).toBe('replayed');
  });

  it('tells an old nonce from a wrong password', () => {
    const good = login();
    const bad = login('trunk-7', 'wrong');
    time.advance(DEFAULT_NONCES.lifetimeMs + 1);
    expect(verify(invite(good)).state).toBe('stale');
    expect(verify(invite(bad)).state).toBe('invalid');
  });

  it('takes a nonce only from the source it was made for, and none it did not make', () => {
    const client = login();
    expect(verify(invite(client), '192.0.2.8').state).toBe('stale');
    const forged = SipResponse.create(401);
    forged.headers.append('WWW-Authenticate', `Digest realm="${REALM}", nonce="${'0'.repeat(64)}", qop="auth"`);
    const other = new DigestClient({ username: 'trunk-7', password: 'correct horse' }, new SeededRandom(2));
    other.learn(forged, new Map(), true);
    expect(verify(invite(other)).state).toBe('stale');
  });

  it('learns nothing from, and bans nobody for, a nonce that the source was never sent', () => {
    const guess = login('trunk-7', 'wrong');
    const right = login();
    for (let times = 0; times < 20; times++) {
      expect(verify(invite(guess), '192.0.2.66').state).toBe('stale');
      expect(verify(invite(right), '192.0.2.66').state).toBe('stale');
    }
    expect(bans.isBanned('192.0.2.66')).toBe(false);
  });

  it('demands qop, count and well-formed fields', () => {
    const value = invite(login()).headers.get('Authorization')!;
    for (const broken of [
      value.replace(/qop=auth, /, ''),
      value.replace(/nc=\w+/, 'nc=1'),
      value.replace(/cnonce="\w+"/, 'x=y'),
      value.replace(/response="\w+"/, 'response="zz"'),
      value.replace(/algorithm=[\w-]+/, 'algorithm=SHA-512-256'),
    ]) {
      const request = SipRequest.create('INVITE', URI);
      request.headers.append('Authorization', broken);
      expect(verify(request).state, broken).toBe('invalid');
    }
  });

  it('bans a source after ten failures in a minute, for ten minutes, and counts it', () => {
    for (let failure = 0; failure < 10; failure++)
      expect(verify(invite(login('trunk-7', 'wrong'))).state).toBe('invalid');
    expect(verify(invite(login())).state).toBe('banned');
    expect(verify(invite(login()), '192.0.2.99').state).toBe('stale');
    expect(bans.debugView()).toEqual([{ source: SOURCE, msLeft: 600_000 }]);
    time.advance(600_001);
    expect(verify(invite(login())).state).toBe('valid');
    expect(counters.get('sip_bans')).toBe(1);
    expect(counters.get('sip_digest', 'invalid')).toBe(10);
  });

  it('keeps every value of its parameters apart', () => {
    expect(parseAuthParams('Digest a="x, \\"y\\"", b=c')!.values).toEqual(
      new Map([
        ['a', 'x, "y"'],
        ['b', 'c'],
      ]),
    );
  });
});

describe('the ban list', () => {
  it('forgets failures older than its window', () => {
    const time = new VirtualTime();
    const bans = new Bans(time);
    for (let failure = 0; failure < 30; failure++) {
      expect(bans.fail('a')).toBe(false);
      time.advance(6700);
    }
    expect(bans.isBanned('a')).toBe(false);
  });

  it('takes an IPv6 /64 for one source', () => {
    const bans = new Bans(new VirtualTime());
    for (let failure = 0; failure < 10; failure++) bans.fail(`2001:db8:0:1::${failure}`);
    expect(bans.isBanned('2001:db8:0:1:ffff::9')).toBe(true);
    expect(bans.isBanned('2001:db8:0:2::1')).toBe(false);
    bans.pardon('2001:db8:0:1::77');
    expect(bans.isBanned('2001:db8:0:1::1')).toBe(false);
  });

  it('watches a bounded number of sources', () => {
    const time = new VirtualTime();
    const bans = new Bans(time, { failures: 1, windowMs: 1000, banMs: 1000, sources: 3 });
    for (const source of ['a', 'b', 'c', 'd']) bans.fail(source);
    expect(['a', 'b', 'c', 'd'].map((source) => bans.isBanned(source))).toEqual([false, true, true, true]);
    bans.pardon('b');
    expect(bans.isBanned('b')).toBe(false);
  });
});

describe('the nonce table', () => {
  it('makes everything as old as a forgotten nonce stale when it overflows', () => {
    const time = new VirtualTime();
    const nonces = new Nonces(time, new SeededRandom(1), Buffer.alloc(32, 1), { lifetimeMs: 60_000, remembered: 2 });
    const made: string[] = [];
    for (let index = 0; index < 4; index++) {
      time.advance(1000);
      made.push(nonces.make('s', 'r'));
      expect(nonces.judge(made[index]!, 's', 'r')).toBe('fresh');
      expect(nonces.count(made[index]!, 1)).toBe(true);
    }
    expect(made.map((nonce) => nonces.judge(nonce, 's', 'r'))).toEqual(['stale', 'stale', 'fresh', 'fresh']);
    expect(nonces.count(made[3]!, 1)).toBe(false);
    expect(nonces.count(made[3]!, 5)).toBe(true);
    expect(nonces.count(made[3]!, 4)).toBe(false);
  });
});
