import { describe, expect, it } from 'vitest';
import { Policy } from '../../src/call/index.js';
import { checkConfig } from '../../src/config/index.js';
import { SeededRandom, silentLogger, VirtualTime } from '../../src/core/index.js';
import type { RequestFacts } from '../../src/routing/index.js';
import { SipRequest } from '../../src/sip/index.js';

function policyOf(config: object): Policy {
  const outcome = checkConfig(config);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return new Policy(outcome.config, new VirtualTime(), new SeededRandom(1), silentLogger);
}

describe('an emergency code', () => {
  const policy = policyOf({});
  const dialled = (uri: string) => policy.isEmergency(SipRequest.create('INVITE', uri));

  it.each([
    'sip:911@gw',
    'sip:+911@gw',
    'sip:9-1-1@gw',
    'sip:%3911@gw',
    'sip:911;phone-context=+1@gw',
    'tel:911',
    'sip:933@gw',
  ])('is known as it is decided: %s', (uri) => {
    expect(dialled(uri)).toBe(true);
  });

  it.each(['sip:+12025550911@gw', 'sip:9110@gw', 'sip:gw', 'sip:anonymous@gw'])('is none: %s', (uri) => {
    expect(dialled(uri)).toBe(false);
  });
});

describe('OPTIONS', () => {
  it('are of every connector whose allowed list holds the source, and nobody else may ask', () => {
    const policy = policyOf({
      voiceConnectors: ['a', 'b', 'c'].map((letter, at) => ({
        id: letter.repeat(22),
        name: letter,
        termination: { cidrAllowedList: at === 2 ? ['198.51.100.0/24'] : ['192.0.2.0/24'], callingRegions: ['US'] },
      })),
    });
    const facts = (address: string) =>
      ({
        requestUri: { scheme: 'sip', user: '', host: 'gw', port: undefined },
        toHost: 'gw',
        source: { address, port: 5060, protocol: 'UDP' },
        tlsServerName: undefined,
        tlsPeerNames: [],
        localAddresses: [],
      }) as unknown as RequestFacts;
    expect(policy.noteOptions(facts('192.0.2.9'), 7)).toBe(true);
    expect(policy.noteOptions(facts('203.0.113.1'), 8)).toBe(false);
    const seen = ['a', 'b', 'c'].map((letter) => policy.terminationHealth(letter.repeat(22)));
    expect(seen).toEqual([{ source: '192.0.2.9', timeMs: 7 }, { source: '192.0.2.9', timeMs: 7 }, undefined]);
  });
});

describe('addresses of one carrier', () => {
  it('are those of its declared sources, and of no other carrier or nobody', () => {
    const outcome = checkConfig({
      carriers: [
        { name: 'main', hosts: [{ host: '192.0.2.1' }], sources: ['192.0.2.0/25', '2001:db8::/48'] },
        { name: 'other', hosts: [{ host: '192.0.2.129' }], sources: ['192.0.2.128/25'] },
      ],
    });
    if (!outcome.ok) throw new Error('not loaded');
    const policy = new Policy(outcome.config, new VirtualTime(), new SeededRandom(1), silentLogger);
    expect(policy.isSameCarrier('192.0.2.1', '192.0.2.7')).toBe(true);
    expect(policy.isSameCarrier('192.0.2.1', '2001:db8::7')).toBe(true);
    expect(policy.isSameCarrier('192.0.2.1', '192.0.2.200')).toBe(false);
    expect(policy.isSameCarrier('198.51.100.1', '198.51.100.1')).toBe(false);
  });
});
