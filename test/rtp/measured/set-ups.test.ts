import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { type MediaEngine, TypescriptEngine } from '../../../src/rtp/index.js';
import { loadNative, NativeEngine } from '../../../src/rtp/native/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { freePorts } from '../../support/ports.js';
import { eventually, hasCommand } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';

/** 10,000 sessions opened, described and closed: ports, descriptors and memory are back where they were. */

const CALLS = 10_000;
const AT_ONCE = 50;
const PAIRS = 120;
const KB_PER_CALL = 0.5;

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const residentKb = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))![1]);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function callsThrough(engine: MediaEngine, count: number): Promise<void> {
  const peer = { address: '127.0.0.1', direction: 'sendrecv' as const };
  const formats = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
  const key = Buffer.alloc(30, 7);
  const keys = { suite: 'AES_CM_128_HMAC_SHA1_80' as const, key };
  for (let done = 0; done < count; done += AT_ONCE) {
    const sessions = await Promise.all(
      Array.from({ length: AT_ONCE }, () => engine.open({ id: 'x', timeoutSeconds: 60, onEvent: () => {} })),
    );
    for (const session of sessions) {
      session.describe('customer', { ...peer, rtpPort: 9, formats, srtp: { receive: keys, send: keys } });
      session.describe('remote', { ...peer, rtpPort: 9, formats });
    }
    await Promise.all(sessions.map((session) => session.close()));
  }
}

const binding = loadNative();

describe.skipIf(process.platform !== 'linux')(`${CALLS} set-ups and tear-downs`, () => {
  it.each(['typescript', ...(binding ? ['native'] : [])])(
    'leave nothing behind in the %s engine',
    {
      timeout: 120_000,
    },
    async (name) => {
      const first = await freePorts(2 * PAIRS);
      const options = {
        listen: ['127.0.0.1'],
        ports: { first, last: first + 2 * PAIRS - 1 },
        quarantineSeconds: 0,
        scheduler: systemScheduler,
        random: new SeededRandom(61),
        logger: silentLogger,
      };
      const engine =
        name === 'native' ? new NativeEngine({ ...options, binding: binding! }) : new TypescriptEngine(options);
      const bare = descriptors();
      await engine.start();
      // The first rounds grow heaps that stay: a leak would let every round grow.
      const rounds: { descriptors: number; residentKb: number; perSecond: number }[] = [];
      let grownKb = Number.POSITIVE_INFINITY;
      const free = engine.portsFree;
      while (rounds.length < 6 && grownKb / CALLS > KB_PER_CALL) {
        const startMs = performance.now();
        await callsThrough(engine, CALLS);
        collect();
        const perSecond = Math.round(CALLS / ((performance.now() - startMs) / 1000));
        const round = { descriptors: descriptors(), residentKb: residentKb(), perSecond };
        const before = rounds.at(-1);
        if (before) grownKb = round.residentKb - before.residentKb;
        rounds.push(round);
      }
      console.info(`${name}: rounds of ${CALLS} sessions: ${JSON.stringify(rounds)}`);
      expect(grownKb / CALLS).toBeLessThanOrEqual(KB_PER_CALL);
      expect(engine.portsFree).toBe(free);
      // Idle sockets are kept between calls, at most one pair for each port pair.
      expect(rounds.at(-1)!.descriptors).toBeLessThanOrEqual(bare + 2 * PAIRS + 40);
      expect(engine.health()).toMatchObject({ sessions: 0, portsInUse: 0 });
      await engine.stop();
      for (let tries = 0; tries < 100 && descriptors() > bare; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(descriptors()).toBeLessThanOrEqual(bare + 4);
    },
  );
});

/** A daemon is asked some twenty times for each: fewer of them, and its ports are counted by itself. */
it.skipIf(!hasCommand('rtpengine'))(
  '2,000 set-ups and tear-downs leave nothing behind at an rtpengine daemon',
  { timeout: 120_000 },
  async () => {
    const daemon = await startRtpengine(4 * AT_ONCE);
    const engine = new RtpengineEngine({
      daemons: [{ host: '127.0.0.1', port: daemon.port }],
      scheduler: systemScheduler,
      random: new SeededRandom(62),
      logger: silentLogger,
    });
    await engine.start();
    onTestFinished(() => engine.stop().then(() => daemon.kill()));
    const free = engine.portsFree;
    const open = descriptors();
    await callsThrough(engine, 1000);
    collect();
    const beforeKb = residentKb();
    await callsThrough(engine, 1000);
    collect();
    const grownKb = residentKb() - beforeKb;
    console.info(`rtpengine: second round of 1,000 sessions grew this process by ${grownKb} KB`);
    expect(engine.health()).toMatchObject({ sessions: 0, portsInUse: 0 });
    expect(descriptors()).toBeLessThanOrEqual(open);
    // As its statistics tell at the next ping.
    await eventually('all ports free again', () => engine.portsFree === free, 20_000);
  },
);
