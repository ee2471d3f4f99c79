import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { loadNative, NativeEngine } from '../../../src/rtp/native/index.js';
import { call, connectedSockets, type MakeEngine, settled } from '../connected.js';

const binding = loadNative();

const engineWith =
  (raw: boolean): MakeEngine =>
  (address, ports) =>
    new NativeEngine({
      binding: binding!,
      listen: [address],
      ports,
      quarantineSeconds: 0,
      scheduler: systemScheduler,
      random: new SeededRandom(5),
      logger: silentLogger,
      raw,
    });

describe.skipIf(!binding).each([
  ['127.0.0.1', '127.0.0.9', true],
  ['127.0.0.1', '127.0.0.9', false],
  ['::1', '::1', true],
  ['::1', '::1', false],
])('a leg on %s whose source has settled (strangers at %s, raw %s)', (address, elsewhere, raw) => {
  connectedSockets(engineWith(raw), address, elsewhere);

  it('lets no other socket have its port', async () => {
    const { session, customer } = await call(engineWith(raw), address);
    await settled({ session, customer });
    const thief = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reuseAddr: true });
    onTestFinished(() => void thief.close());
    thief.bind(session.customer.rtpPort, address);
    await expect(once(thief, 'listening')).rejects.toThrow('EADDRINUSE');
  });
});
