import { describe, expect, it } from 'vitest';
import { Policy } from '../../src/call/index.js';
import { checkConfig } from '../../src/config/index.js';
import { SeededRandom, silentLogger, VirtualTime } from '../../src/core/index.js';

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
