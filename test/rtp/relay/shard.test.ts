import { expect, test } from 'vitest';
import { type Logger, silentLogger, VirtualTime } from '../../../src/core/index.js';
import { ForkMemoryPool } from '../../../src/rtp/fork/index.js';
import type { MediaEvent, SessionFigures } from '../../../src/rtp/index.js';
import type { RelayCommand, RelayReport } from '../../../src/rtp/relay/commands.js';
import { EngineSession } from '../../../src/rtp/relay/engine-session.js';
import { clearRecord, LEG_WORDS } from '../../../src/rtp/relay/layout.js';
import { Shard } from '../../../src/rtp/relay/shard.js';

const legs = {
  customer: { slot: 0, address: '127.0.0.1', rtpPort: 2 },
  remote: { slot: 1, address: '127.0.0.1', rtpPort: 4 },
};

/** A shard whose thread is the test. */
async function shardOn(logger: Logger = silentLogger) {
  const commands: RelayCommand[] = [];
  let tell: (report: RelayReport) => void = () => {};
  let die: (error: Error) => void = () => {};
  const shard = new Shard(logger);
  const started = shard.start((onReport, onDeath) => {
    tell = onReport;
    die = onDeath;
    return { post: (command) => commands.push(command), end: async () => {} };
  });
  tell({ kind: 'ready' });
  await started;
  return { shard, commands, tell: (report: RelayReport) => tell(report), die: (error: Error) => die(error) };
}

function sessionIn(shard: Shard, events: MediaEvent[]): EngineSession {
  const record = (): Float64Array => {
    const made = new Float64Array(LEG_WORDS);
    clearRecord(made);
    return made;
  };
  const ports = { address: '127.0.0.1', rtpPort: 2, rtcpPort: 3 };
  const session = new EngineSession({
    order: { id: 'call', timeoutSeconds: 1, onEvent: (event) => events.push(event) },
    ports: { customer: ports, remote: ports },
    records: { customer: record(), remote: record() },
    describe: () => {},
    forkPath: {
      scheduler: new VirtualTime(),
      memories: new ForkMemoryPool(),
      fork: (side, point, memory, maxQueued) => {
        shard.fork(1, 7, side, point, memory, maxQueued);
        return () => shard.unfork(1, 7);
      },
    },
    play: () => {},
    halt: () => shard.close(1),
    release: () => shard.sessions.delete(1),
  });
  shard.sessions.set(1, session);
  return session;
}

test('a fork closes though its thread died while it was asked to stop', async () => {
  const { shard, die } = await shardOn();
  const session = sessionIn(shard, []);
  const fork = session.fork({ side: 'remote', point: 'sent', onPackets: () => {} });
  const closing = fork.close();
  die(new Error('out of memory'));
  const nothing = { copied: 0, dropped: 0, oversized: 0, abandoned: 0 };
  expect(await closing).toEqual(nothing);
  expect(await session.fork({ side: 'remote', point: 'sent', onPackets: () => {} }).close()).toEqual(nothing);
});

test('a thread that dies ends its calls: each side is told as silent, and closing still gives figures', async () => {
  const errors: unknown[] = [];
  const { shard, die } = await shardOn({ ...silentLogger, error: (fields) => errors.push(fields) });
  const events: MediaEvent[] = [];
  const session = sessionIn(shard, events);
  const waiting = session.close();
  die(new Error('out of memory'));
  expect(events).toEqual([
    { kind: 'timeout', side: 'customer' },
    { kind: 'timeout', side: 'remote' },
  ]);
  const figures: SessionFigures = await waiting;
  expect(figures.customer.received.packets).toBe(0);
  expect(errors).toHaveLength(1);
  expect(shard.alive).toBe(false);
});

test('a thread that dies refuses who waits for ports, and who comes after', async () => {
  const { shard, die } = await shardOn();
  const waiting = shard.open(7, legs, 1000);
  die(new Error('killed'));
  await expect(waiting).rejects.toMatchObject({ code: 'media.thread-gone', sipStatus: 503 });
  await expect(shard.open(8, legs, 1000)).rejects.toMatchObject({ code: 'media.thread-gone' });
});

test('a thread that never came up fails the start', async () => {
  const shard = new Shard(silentLogger);
  const started = shard.start((_onReport, onDeath) => {
    queueMicrotask(() => onDeath(new Error('no such file')));
    return { post: () => {}, end: async () => {} };
  });
  await expect(started).rejects.toThrow('no such file');
});

test('answers reach those who asked, in any order', async () => {
  const { shard, tell, commands } = await shardOn();
  const [one, two] = [shard.open(1, legs, 1000), shard.open(2, legs, 1000)];
  tell({ kind: 'opened', id: 2 });
  tell({ kind: 'open-failed', id: 1, side: 'customer', reason: 'EADDRINUSE' });
  await expect(two).resolves.toBeUndefined();
  await expect(one).rejects.toThrow('EADDRINUSE');
  expect(commands.map(({ kind }) => kind)).toEqual(['open', 'open']);
});

test('faults are logged with their session, events of a closed session fall away', async () => {
  const errors: unknown[] = [];
  const { shard, tell } = await shardOn({ ...silentLogger, error: (fields) => errors.push(fields) });
  const events: MediaEvent[] = [];
  sessionIn(shard, events);
  tell({ kind: 'fault', id: 1, reason: 'broken' });
  tell({ kind: 'event', id: 99, event: { kind: 'timeout', side: 'remote' } });
  tell({ kind: 'event', id: 1, event: { kind: 'timeout', side: 'remote' } });
  expect(events).toHaveLength(1);
  expect(errors).toEqual([{ session: 'call', reason: 'broken' }]);
});
