import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../../../src/core/index.js';
import { estimateBytes, LargeRequests } from '../../../src/sip/dialog/large-requests.js';

const udp = { transport: 'udp', address: '192.0.2.1', port: 5060 } as const;
const tcp = { ...udp, transport: 'tcp' } as const;
const tls = { ...udp, transport: 'tls' } as const;

describe('requests too large for UDP (RFC 3261 §18.1.1)', () => {
  it('try TCP to the same place first and UDP after it', () => {
    const large = new LargeRequests(new VirtualTime(), 1300);
    expect(large.targetsFor([udp, tls], 1301)).toEqual([tcp, udp, tls]);
    expect(large.targetsFor([udp, tls], 1300)).toEqual([udp, tls]);
  });

  it('do not wait again for a peer that takes no TCP, for ten minutes', () => {
    const time = new VirtualTime();
    const large = new LargeRequests(time, 1300);
    large.refused(tcp);
    expect(large.targetsFor([udp], 5000)).toEqual([udp]);
    time.advance(600_000);
    expect(large.targetsFor([udp], 5000)).toEqual([tcp, udp]);
  });

  it('stay on UDP where the limit is off', () => {
    expect(new LargeRequests(new VirtualTime(), 0).targetsFor([udp], 60_000)).toEqual([udp]);
  });

  it('are told by what the order holds', () => {
    const order = { requestUri: 'sip:+12025550122@192.0.2.1', from: '<sip:a@b>', to: '<sip:c@d>', headers: [] };
    const body = { contentType: 'application/sdp', bytes: Buffer.alloc(1000) };
    expect(estimateBytes({ ...order, body }) - estimateBytes(order)).toBe(1000);
    expect(estimateBytes({ ...order, headers: [['X-A', 'b']] }) - estimateBytes(order)).toBe(8);
  });
});
