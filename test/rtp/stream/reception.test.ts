import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SeededRandom, unit } from '../../../src/core/index.js';
import { RtpView } from '../../../src/rtp/packet/index.js';
import { LegReader } from '../../../src/rtp/quality/index.js';
import { clearRecord, LEG_WORDS } from '../../../src/rtp/relay/layout.js';
import {
  fractionLost256,
  jitterUs,
  PayloadTable,
  Reception,
  Source,
  updateJitter,
} from '../../../src/rtp/stream/index.js';

interface LossVector {
  readonly name: string;
  readonly first: number;
  readonly highestExt: number;
  readonly received: number;
  readonly expected: number;
  readonly lost: number;
  readonly fraction8: number;
}
const vectors = JSON.parse(readFileSync(new URL('../../vectors/rtp_rtcp.json', import.meta.url), 'utf8'));
const types = new PayloadTable([
  { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 },
  { payloadType: 96, encoding: 'OPUS', clockRateHz: 48000 },
  { payloadType: 101, encoding: 'telephone-event', clockRateHz: 8000 },
]);

/** A leg's reception and its figures, fed by hand. */
function receiver() {
  const record = new Float64Array(LEG_WORDS);
  clearRecord(record);
  const reception = new Reception(record);
  const reader = new LegReader(record);
  const view = new RtpView();
  let nowMs = 0;
  return {
    reception,
    /** Takes one packet, by default 20 ms after the last one, with the timestamp that its number implies. */
    take(sequence: number, fields: { ssrc?: number; type?: number; timestamp?: number; atMs?: number } = {}) {
      nowMs = fields.atMs ?? nowMs + 20;
      view.sequence = sequence & 0xffff;
      view.ssrc = fields.ssrc ?? 1;
      view.payloadType = fields.type ?? 0;
      view.timestamp = (fields.timestamp ?? sequence * 160) >>> 0;
      reception.onPacket(view, 172, nowMs, types);
    },
    figures: (close = false) => reader.read(close).received,
  };
}

/** Numbers first … last. */
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

describe('sequence numbers and loss', () => {
  test('count across the 16-bit wrap', () => {
    const { take, figures } = receiver();
    for (const sequence of range(65530, 65530 + 65536 * 2)) take(sequence);
    expect(figures()).toMatchObject({
      packets: 65536 * 2 + 1,
      intervalExpected: 65536 * 2 + 1,
      lost: 0,
      reordered: 0,
      duplicates: 0,
    });
  });

  test.each(vectors.loss.cases as LossVector[])(
    'vector: $name',
    ({ first, highestExt, received, expected, lost, fraction8 }) => {
      expect(highestExt - first + 1).toBe(expected);
      expect(expected - received).toBe(lost);
      expect(fractionLost256(expected, received)).toBe(fraction8);
      // A lone packet cannot tell of 255 others: that case is arithmetic only.
      if (received === 1) return;
      const { take, figures, reception } = receiver();
      for (const sequence of spread(first, highestExt, received)) take(sequence);
      expect(figures()).toMatchObject({ intervalExpected: expected, lost: Math.max(0, lost) });
      expect(reception.current!.report()).toMatchObject({
        cumulativeLost: lost,
        fractionLost: fraction8,
        extendedHighest: highestExt,
      });
    },
  );

  test('a late packet makes its loss good and counts as reordered', () => {
    const { take, figures } = receiver();
    for (const sequence of [1, 2, 4, 5]) take(sequence);
    expect(figures().lost).toBe(1);
    take(3);
    expect(figures()).toMatchObject({ lost: 0, reordered: 1, duplicates: 0, packets: 5 });
  });

  test('a repeated packet counts as a duplicate, wherever it falls in the window', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 99)) take(sequence);
    for (const sequence of [99, 98, 50, 1]) take(sequence);
    expect(figures()).toMatchObject({ duplicates: 4, reordered: 0, packets: 104 });
  });

  test('expectation starts at the lowest number when the first packets come reordered', () => {
    const { take, figures } = receiver();
    for (const sequence of [11, 10, 12, 14]) take(sequence);
    expect(figures()).toMatchObject({ intervalExpected: 5, lost: 1, reordered: 1 });
  });

  test('a stray packet far away moves nothing; two that follow each other restart the count', () => {
    const { take, figures } = receiver();
    for (const sequence of range(100, 199)) take(sequence);
    take(40000);
    for (const sequence of range(200, 209)) take(sequence);
    expect(figures()).toMatchObject({ packets: 111, intervalExpected: 110, lost: 0 });
    take(50000);
    take(50001);
    take(50003);
    expect(figures()).toMatchObject({ packets: 114, intervalExpected: 114, lost: 1 });
  });

  test('figures add up over a change of source, which takes two packets in sequence', () => {
    const { take, figures, reception } = receiver();
    for (const sequence of [1, 2, 4]) take(sequence);
    take(7000, { ssrc: 2 });
    expect(reception.current!.ssrc).toBe(1);
    take(7001, { ssrc: 2 });
    take(7003, { ssrc: 2 });
    expect(figures()).toMatchObject({ ssrc: 2, lost: 2, intervalExpected: 4 + 4 });
  });

  test('a peer described anew is counted from its first packet', () => {
    const { take, figures, reception } = receiver();
    for (const sequence of [1, 2, 3]) take(sequence);
    reception.trustNext();
    take(500, { ssrc: 2 });
    take(502, { ssrc: 2 });
    expect(figures()).toMatchObject({ ssrc: 2, lost: 1, intervalExpected: 3 + 3 });
  });

  test('a source that comes back goes on where it was', () => {
    const { take, figures } = receiver();
    for (const sequence of [1, 2]) take(sequence);
    for (const sequence of [9, 10]) take(sequence, { ssrc: 2 });
    for (const sequence of [3, 5]) take(sequence);
    expect(figures()).toMatchObject({ ssrc: 1, lost: 1, intervalExpected: 5 + 2 });
  });

  test('a flood of sources is bounded and leaves the stream current', () => {
    const { take, reception, figures } = receiver();
    for (const sequence of range(0, 9)) take(sequence);
    for (const ssrc of range(1000, 1999)) take(5, { ssrc });
    for (const sequence of range(10, 19)) take(sequence);
    expect(reception.current!.ssrc).toBe(1);
    expect(figures()).toMatchObject({ lost: 0, intervalExpected: 20 });
  });

  test('agrees with a count over the whole stream, for random loss, reordering and duplication', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const { take, figures } = receiver();
      const start = Math.floor(unit(random) * 65536);
      const stream = disturbed(random, start, 5000);
      const seen = new Set<number>();
      let highest = -1;
      let duplicates = 0;
      let reordered = 0;
      for (const sequence of stream) {
        take(sequence);
        if (seen.has(sequence)) duplicates++;
        else if (sequence < highest) reordered++;
        seen.add(sequence);
        highest = Math.max(highest, sequence);
      }
      const lowest = Math.min(...seen);
      const figure = figures();
      expect(figure).toMatchObject({
        packets: stream.length,
        duplicates,
        reordered,
        intervalExpected: highest - lowest + 1,
      });
      expect(figure.intervalLost).toBe(highest - lowest + 1 - seen.size);
      expect(figure.lost).toBe(Math.max(0, highest - lowest + 1 - stream.length));
    }
  });
});

/** `received` numbers from first to highest, both included, the missing ones in the middle; too many are repeats. */
function spread(first: number, highest: number, received: number): number[] {
  const missing = highest - first + 1 - received;
  if (missing <= 0) return [...range(first, highest), ...Array.from({ length: -missing }, () => highest)];
  return [...range(first, first + 99), ...range(first + 100 + missing, highest)];
}

/** Packets start … start+count−1 with loss, duplicates, and swaps over a short distance. */
function disturbed(random: SeededRandom, start: number, count: number): number[] {
  const stream: number[] = [];
  for (const sequence of range(start, start + count - 1)) {
    const draw = unit(random);
    if (draw < 0.03) continue;
    stream.push(sequence);
    if (draw > 0.98) stream.push(sequence);
  }
  for (let at = 10; at < stream.length - 10; at++) {
    if (unit(random) > 0.03) continue;
    const other = at + 1 + Math.floor(unit(random) * 6);
    [stream[at], stream[other]] = [stream[other]!, stream[at]!];
  }
  return stream;
}

describe('loss pattern', () => {
  /** Feeds a picture of ● and ○, then so many received that all fates are settled. */
  function draw(picture: string) {
    const { take, figures } = receiver();
    let sequence = 0;
    for (const mark of picture) {
      if (mark === '●') take(sequence);
      sequence++;
    }
    for (const after of range(sequence, sequence + 199)) take(after);
    return figures();
  }

  test('runs of loss have their mean length', () => {
    expect(draw('●○●○○○●').meanLossRun).toBe(2);
    expect(draw('●●●').meanLossRun).toBeNull();
  });

  test('a lone loss belongs to the gap, losses less than 16 apart make a burst', () => {
    const lone = draw(`●${'●'.repeat(50)}○`);
    expect(lone.burstDensity).toBe(0);
    expect(lone.gapDensity).toBeGreaterThan(0);
    const burst = draw('●○●●○●●●○');
    expect(burst.burstDensity).toBeCloseTo(3 / 8, 12);
    expect(burst.gapDensity).toBe(0);
  });

  test('16 received in a row end a burst, 15 do not', () => {
    expect(draw(`●○${'●'.repeat(15)}○`).burstDensity).toBeCloseTo(2 / 17, 12);
    expect(draw(`●○${'●'.repeat(16)}○`).burstDensity).toBe(0);
  });

  test('silence suppression is no loss: the numbers go on while the timestamp jumps', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 49)) take(sequence);
    take(50, { type: 13 });
    for (const sequence of range(51, 99))
      take(sequence, { timestamp: sequence * 160 + 407_840, atMs: 51_000 + sequence * 20 });
    expect(figures()).toMatchObject({ lost: 0, payloadType: 0 });
    expect(figures().jitterUs).toBeLessThan(20);
  });
});

describe('jitter', () => {
  test.each(
    vectors.jitter.cases as {
      name: string;
      rtpTs: number[];
      arrivalMs: number[];
      clock: number;
      jitterAfterEach: number[];
    }[],
  )('vector: $name', ({ rtpTs, arrivalMs, clock, jitterAfterEach }) => {
    const source = new Source(1, true);
    rtpTs.forEach((timestamp, index) => {
      updateJitter(source.at, timestamp, arrivalMs[index]!, clock);
      expect((jitterUs(source.at) * clock) / 1_000_000).toBeCloseTo(jitterAfterEach[index]!, 5);
    });
  });

  test('is unknown before the second packet', () => {
    const { take, figures } = receiver();
    expect(figures().jitterUs).toBeNull();
    take(1);
    expect(figures()).toMatchObject({ jitterUs: null, jitterMeanUs: null, jitterMaxUs: null });
    take(2);
    expect(figures().jitterUs).toBe(0);
  });

  test('does not notice the 32-bit wrap of the timestamp', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 99)) take(sequence, { timestamp: 0xffffffff - 8000 + sequence * 160 });
    expect(figures().jitterMaxUs).toBeLessThan(0.001);
  });

  test('leaves out telephone events, whose packets repeat a timestamp', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 49)) take(sequence);
    for (const sequence of range(50, 64)) take(sequence, { type: 101, timestamp: 50 * 160 });
    for (const sequence of range(65, 99)) take(sequence);
    expect(figures()).toMatchObject({ lost: 0, payloadType: 0 });
    expect(figures().jitterMaxUs).toBeLessThan(0.001);
  });

  test('is in microseconds of the clock rate of its payload type', () => {
    const [narrow, wide] = [new Source(1, true).at, new Source(2, true).at];
    [0, 20, 47, 60].forEach((atMs, index) => {
      updateJitter(narrow, index * 160, atMs, 8000);
      updateJitter(wide, index * 960, atMs, 48000);
    });
    expect(jitterUs(narrow)).toBeGreaterThan(0);
    expect(jitterUs(wide)).toBeCloseTo(jitterUs(narrow), 6);
  });

  test('takes a step of the sender’s clock for a restart, not for jitter', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 49)) take(sequence);
    for (const sequence of range(50, 99)) take(sequence, { timestamp: sequence * 160 - 4_000_000 });
    expect(figures().jitterMaxUs).toBeLessThan(0.001);
  });

  test('mean and maximum are of the interval', () => {
    const { take, figures } = receiver();
    take(0, { atMs: 0 });
    take(1, { atMs: 36 });
    expect(figures(true)).toMatchObject({ jitterUs: 1000, jitterMaxUs: 1000, jitterMeanUs: 1000 });
    expect(figures()).toMatchObject({ jitterMaxUs: null, jitterMeanUs: null, intervalExpected: 0 });
    take(2, { atMs: 56 });
    expect(figures().jitterMaxUs).toBeCloseTo(937.5, 9);
    expect(figures().jitterUs).toBeCloseTo(937.5, 9);
  });
});

describe('interval figures', () => {
  test('start anew when an interval closes, cumulative ones go on', () => {
    const { take, figures } = receiver();
    for (const sequence of [0, 1, 3]) take(sequence);
    expect(figures(true)).toMatchObject({ intervalExpected: 4, intervalLost: 1, lost: 1, payloadType: 0 });
    for (const sequence of [4, 6]) take(sequence, { type: 96 });
    expect(figures(true)).toMatchObject({ intervalExpected: 3, intervalLost: 1, lost: 2, packets: 5, payloadType: 96 });
    expect(figures()).toMatchObject({ intervalExpected: 0, intervalLost: 0, lost: 2, payloadType: null });
  });

  test('duplicates do not hide loss in the interval', () => {
    const { take, figures } = receiver();
    for (const sequence of [0, 1, 1, 3]) take(sequence);
    expect(figures()).toMatchObject({ intervalLost: 1, duplicates: 1, lost: 0 });
  });
});

describe('a source on probation', () => {
  const second = { ssrc: 2 };

  test.each([
    [
      'in order',
      [100, 101, 102],
      { packets: 1 + 3, intervalExpected: 3, intervalLost: 0, reordered: 0, duplicates: 0 },
    ],
    [
      'swapped',
      [101, 100, 102, 103],
      { packets: 1 + 4, intervalExpected: 4, intervalLost: 0, reordered: 1, duplicates: 0 },
    ],
    ['with holes', [100, 102, 104, 105], { packets: 1 + 4, intervalExpected: 6, intervalLost: 2, reordered: 0 }],
    ['doubled', [100, 100, 101, 101], { packets: 1 + 4, intervalExpected: 2, intervalLost: 0, duplicates: 2 }],
    [
      'across the wrap',
      [65_534, 0, 65_535, 0, 1],
      { packets: 1 + 5, intervalExpected: 4, intervalLost: 0, duplicates: 1 },
    ],
  ])('counts all of what came, %s', (_, numbers, expected) => {
    const { take, figures } = receiver();
    take(7);
    figures(true);
    for (const sequence of numbers) take(sequence, second);
    expect(figures()).toMatchObject(expected);
  });

  test('does not count what is far from the pair that ended it, nor more than eight', () => {
    const { take, figures } = receiver();
    take(7);
    figures(true);
    for (const sequence of [9000, 102, 104, 105]) take(sequence, second);
    expect(figures(true)).toMatchObject({ packets: 5, intervalExpected: 4, intervalLost: 1 });
    for (const sequence of [...range(0, 9).map((at) => 200 + 2 * at), 219]) take(sequence, { ssrc: 3 });
    expect(figures()).toMatchObject({ intervalExpected: 14, intervalLost: 6 });
  });

  test('is as strict with a source that restarts', () => {
    const { take, figures } = receiver();
    for (const sequence of range(0, 9)) take(sequence);
    figures(true);
    for (const sequence of [20_001, 20_000, 20_003, 20_004]) take(sequence);
    expect(figures()).toMatchObject({ intervalExpected: 5, intervalLost: 1, reordered: 1 });
  });
});
