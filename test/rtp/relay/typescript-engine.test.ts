import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { TypescriptEngine } from '../../../src/rtp/index.js';
import { freePorts } from '../../support/ports.js';
import { conformance } from '../conformance.js';

async function engineOn(workers: number, pairs = 60): Promise<TypescriptEngine> {
  const first = await freePorts(2 * pairs);
  return new TypescriptEngine({
    listen: ['127.0.0.1'],
    ports: { first, last: first + 2 * pairs - 1 },
    workers,
    quarantineSeconds: 0,
    scheduler: systemScheduler,
    random: new SeededRandom(11),
    logger: silentLogger,
  });
}

async function started(workers: number) {
  const engine = await engineOn(workers);
  await engine.start();
  return { engine, end: () => engine.stop() };
}

conformance('typescript, in its own thread', { start: () => started(1) });
conformance('typescript, in the calling thread', { start: () => started(0) });

/** Sockets that this process holds. */
const openSockets = (): number =>
  readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;

describe('sockets', () => {
  test.skipIf(process.platform !== 'linux')('of 1,000 sessions are all closed when the engine stops', async () => {
    const before = openSockets();
    const engine = await engineOn(2, 200);
    await engine.start();
    for (let batch = 0; batch < 20; batch++) {
      const sessions = await Promise.all(
        Array.from({ length: 50 }, () => engine.open({ id: 'x', timeoutSeconds: 60, onEvent: () => {} })),
      );
      expect(engine.health()).toMatchObject({ sessions: 50, portsInUse: 200 });
      await Promise.all(sessions.map((session) => session.close()));
    }
    expect(openSockets()).toBeGreaterThan(before);
    await engine.stop();
    for (let tries = 0; tries < 100 && openSockets() > before; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  test('two threads share the ports between them', async () => {
    const engine = await engineOn(2, 8);
    await engine.start();
    const sessions = await Promise.all(
      Array.from({ length: 4 }, () => engine.open({ id: 'x', timeoutSeconds: 60, onEvent: () => {} })),
    );
    const ports = sessions.flatMap(({ customer, remote }) => [customer.rtpPort, remote.rtpPort]);
    expect(new Set(ports).size).toBe(8);
    await expect(engine.open({ id: 'x', timeoutSeconds: 60, onEvent: () => {} })).rejects.toMatchObject({
      code: 'media.no-port',
    });
    await engine.stop();
  });
});
