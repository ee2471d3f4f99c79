import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { TypescriptEngine } from '../../../src/rtp/index.js';
import { call, connectedSockets, type MakeEngine, settled } from '../connected.js';

const engineWith =
  (workers: number): MakeEngine =>
  (address, ports) =>
    new TypescriptEngine({
      listen: [address],
      ports,
      workers,
      quarantineSeconds: 0,
      scheduler: systemScheduler,
      random: new SeededRandom(5),
      logger: silentLogger,
    });

describe.skipIf(process.platform !== 'linux').each([
  ['127.0.0.1', '127.0.0.9', 0],
  ['127.0.0.1', '127.0.0.9', 1],
  ['::1', '::1', 1],
])('a leg on %s whose source has settled (strangers at %s, %s threads)', (address, elsewhere, workers) => {
  connectedSockets(engineWith(workers), address, elsewhere);

  it('leaves its port to whoever asks for it after the call', async () => {
    const { session, customer } = await call(engineWith(workers), address);
    await settled({ session, customer });
    const ports = [session.customer.rtpPort, session.customer.rtcpPort];
    await session.close();
    for (const port of ports) {
      const next = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
      onTestFinished(() => void next.close());
      next.bind(port, address);
      await expect(once(next, 'listening')).resolves.toEqual([]);
    }
  });
});
