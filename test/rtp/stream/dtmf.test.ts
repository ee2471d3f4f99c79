import { expect, test } from 'vitest';
import { DtmfDetector } from '../../../src/rtp/stream/index.js';

function detector() {
  const told: [event: number, durationMs: number][] = [];
  const detect = new DtmfDetector((event, durationMs) => told.push([event, durationMs]));
  const packet = (event: number, timestamp: number, durationTs: number, end = false, nowMs = 0): void =>
    detect.onPacket({ event, end, volume: 10, durationTs }, timestamp, 8000, nowMs);
  return { told, packet, detect };
}

test('an event is told once, though its end comes three times', () => {
  const { told, packet } = detector();
  packet(5, 1000, 160);
  packet(5, 1000, 320);
  for (let repeat = 0; repeat < 3; repeat++) packet(5, 1000, 800, true);
  expect(told).toEqual([[5, 100]]);
});

test('the same digit twice is two events', () => {
  const { told, packet } = detector();
  packet(5, 1000, 800, true);
  packet(5, 3000, 400, true);
  expect(told).toEqual([
    [5, 100],
    [5, 50],
  ]);
});

test('an event whose end was lost is told by the next one, or by silence', () => {
  const { told, packet, detect } = detector();
  packet(1, 1000, 640, false, 0);
  packet(2, 3000, 160, false, 300);
  expect(told).toEqual([[1, 80]]);
  detect.onTick(400);
  expect(told).toHaveLength(1);
  detect.onTick(500);
  expect(told).toEqual([
    [1, 80],
    [2, 20],
  ]);
  packet(2, 3000, 320, true, 520);
  expect(told).toHaveLength(2);
});

test('a late packet of an earlier event tells nothing', () => {
  const { told, packet, detect } = detector();
  packet(1, 1000, 800, true);
  packet(2, 3000, 800, true);
  packet(1, 1000, 800, true);
  detect.onTick(10_000);
  expect(told).toEqual([
    [1, 100],
    [2, 100],
  ]);
});

test('a long event goes on over segments', () => {
  const { told, packet } = detector();
  packet(4, 1000, 0xffff);
  packet(4, 1000 + 0xffff, 4465, true);
  expect(told).toEqual([[4, Math.round((0xffff + 4465) / 8)]]);
});

test('events above flash are left alone', () => {
  const { told, packet } = detector();
  packet(40, 1000, 800, true);
  expect(told).toEqual([]);
});

test('a flood is cut to what can be dialled', () => {
  const { told, packet, detect } = detector();
  for (let index = 0; index < 1000; index++) packet(index % 10, index * 2000, 800, true);
  expect(told).toHaveLength(16);
  detect.onTick(0);
  packet(1, 5_000_000, 800, true);
  expect(told).toHaveLength(17);
});

test('timestamps that wrap do not confuse it', () => {
  const { told, packet } = detector();
  packet(1, 0xfffffff0, 800, true);
  packet(2, 100, 800, true);
  expect(told).toEqual([
    [1, 100],
    [2, 100],
  ]);
});
