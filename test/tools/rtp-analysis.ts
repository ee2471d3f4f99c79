/**
 * What a receiver of captured RTP streams must find, worked out from the capture alone and from RFC 3550 alone: nothing
 * here is shared with the gateway's own statistics, so that the two can be held against each other.
 */
import type { CapturedDatagram } from './pcap.js';

export interface StreamAnalysis {
  readonly ssrc: number;
  readonly packets: number;
  /** Distinct packets between the lowest and the highest number. */
  readonly expected: number;
  /** Expected minus packets, duplicates included (§6.4.1). */
  readonly lost: number;
  /** Expected minus distinct packets. */
  readonly missing: number;
  readonly duplicates: number;
  /** First copies that came after a higher number. */
  readonly reordered: number;
  /** Lengths of the runs of missing packets, in order. */
  readonly lossRuns: readonly number[];
  /** Jitter estimate after the last packet, its mean and maximum over the packets from the second on, microseconds. */
  readonly jitterUs: number;
  readonly jitterMeanUs: number;
  readonly jitterMaxUs: number;
}

/** Analyses each source that was sent to a port, in order of appearance. */
export function analyseRtp(
  datagrams: readonly CapturedDatagram[],
  targetPort: number,
  clockRateHz: number,
): StreamAnalysis[] {
  const streams = new Map<number, CapturedDatagram[]>();
  for (const datagram of datagrams) {
    if (datagram.targetPort !== targetPort || datagram.data.length < 12) continue;
    const ssrc = datagram.data.readUInt32BE(8);
    const stream = streams.get(ssrc);
    if (stream) stream.push(datagram);
    else streams.set(ssrc, [datagram]);
  }
  return [...streams].map(([ssrc, packets]) => analyse(ssrc, packets, clockRateHz));
}

function analyse(ssrc: number, packets: readonly CapturedDatagram[], clockRateHz: number): StreamAnalysis {
  const numbers = unwrapped(packets.map(({ data }) => data.readUInt16BE(2)));
  const lowest = Math.min(...numbers);
  const highest = Math.max(...numbers);
  const distinct = new Set(numbers);
  const expected = highest - lowest + 1;
  return {
    ssrc,
    packets: packets.length,
    expected,
    lost: expected - packets.length,
    missing: expected - distinct.size,
    duplicates: packets.length - distinct.size,
    reordered: countReordered(numbers),
    lossRuns: runsOfMissing(distinct, lowest, highest),
    ...jitterOf(packets, clockRateHz),
  };
}

/** 16-bit numbers as a line: each is taken as the one nearest to the number before it. */
function unwrapped(sequence: readonly number[]): number[] {
  const line: number[] = [];
  for (const number of sequence) {
    const before = line.at(-1) ?? number;
    const step = ((((number - before) % 65536) + 65536 + 32768) % 65536) - 32768;
    line.push(before + step);
  }
  return line;
}

function countReordered(numbers: readonly number[]): number {
  const seen = new Set<number>();
  let highest = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const number of numbers) {
    if (!seen.has(number) && number < highest) count++;
    seen.add(number);
    highest = Math.max(highest, number);
  }
  return count;
}

function runsOfMissing(present: ReadonlySet<number>, lowest: number, highest: number): number[] {
  const runs: number[] = [];
  let run = 0;
  for (let number = lowest; number <= highest + 1; number++) {
    if (number <= highest && !present.has(number)) run++;
    else if (run > 0) {
      runs.push(run);
      run = 0;
    }
  }
  return runs;
}

/** §6.4.1: J(i) = J(i−1) + (|D(i−1, i)| − J(i−1)) / 16, with D in seconds here. */
function jitterOf(packets: readonly CapturedDatagram[], clockRateHz: number) {
  let jitter = 0;
  let sum = 0;
  let max = 0;
  for (let i = 1; i < packets.length; i++) {
    const arrival = (packets[i]!.atMs - packets[i - 1]!.atMs) / 1000;
    const sent = BigInt.asIntN(
      32,
      BigInt(packets[i]!.data.readUInt32BE(4)) - BigInt(packets[i - 1]!.data.readUInt32BE(4)),
    );
    const difference = Math.abs(arrival - Number(sent) / clockRateHz);
    jitter += (difference - jitter) / 16;
    sum += jitter;
    max = Math.max(max, jitter);
  }
  const us = (seconds: number): number => seconds * 1e6;
  return { jitterUs: us(jitter), jitterMeanUs: us(sum / Math.max(1, packets.length - 1)), jitterMaxUs: us(max) };
}
