import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { speechLike } from '../../src/demo/speech.js';
import { decodeMuLaw, encodeMuLaw } from '../../src/rtp/codec/index.js';
import { level, likeness } from './correlate.js';
import { MetricsText } from './open-metrics.js';
import { freePort, freePorts, tcpIsFree, udpIsFree } from './ports.js';
import { Program } from './program.js';
import { scratchDirectory } from './scratch.js';
import { readWav, writeWav } from './wav.js';

describe('likeness of sounds', () => {
  const sent = speechLike(1, 6);

  it('finds speech again after G.711, a delay and a lower level', () => {
    const coded = decodeMuLaw(encodeMuLaw(sent));
    const received = new Int16Array(sent.length + 1234);
    for (let at = 0; at < coded.length; at++) received[at + 1234] = Math.round(coded[at]! * 0.5);
    const found = likeness(sent, received);
    expect(found.correlation).toBeGreaterThan(0.99);
    expect(Math.abs(found.delaySamples - 1234)).toBeLessThanOrEqual(80);
  });

  it('finds speech whose beginning is missing and that slipped by a frame', () => {
    const received = new Int16Array([...sent.subarray(4000, 20_000), ...sent.subarray(20_160)]);
    expect(likeness(sent, received).correlation).toBeGreaterThan(0.99);
  });

  it('does not find other speech, silence or noise', () => {
    const noise = Int16Array.from({ length: 48_000 }, (_, at) => ((at * 48_271) % 9973) - 4986);
    expect(likeness(sent, speechLike(2, 6)).correlation).toBeLessThan(0.7);
    expect(likeness(sent, noise).correlation).toBeLessThan(0.3);
    expect(likeness(sent, new Int16Array(48_000)).correlation).toBe(0);
  });
});

describe('speech-like sound', () => {
  it('is the same for the same seed, neither silent nor clipped, with pauses', () => {
    const samples = speechLike(7, 5);
    expect(speechLike(7, 5)).toEqual(samples);
    expect(speechLike(8, 5)).not.toEqual(samples);
    expect(samples.length).toBe(40_000);
    expect(level(samples)).toBeGreaterThan(500);
    expect(Math.max(...samples)).toBeLessThan(16_000);
    const quiet = Array.from({ length: 250 }, (_, frame) => level(samples.subarray(frame * 160, frame * 160 + 160)));
    expect(quiet.filter((frame) => frame < 50).length).toBeGreaterThan(25);
  });
});

describe('WAV files', () => {
  it('are read back as written', () => {
    const path = join(scratchDirectory(), 'sound.wav');
    const sound = { rateHz: 8000, samples: speechLike(3, 0.5) };
    writeWav(path, sound);
    expect(readWav(path)).toEqual(sound);
  });
});

describe('metrics text', () => {
  it('sums samples by name and labels', () => {
    const text = new MetricsText(
      '# TYPE a counter\na_total{path="x",c="1"} 2\na_total{path="y",c="a\\"b\\\\"} 3.5\nb 7 1700000000\nc_bucket{le="+Inf"} 4\n# EOF\n',
    );
    expect(text.sum('a_total')).toBe(5.5);
    expect(text.sum('a_total', { path: 'x' })).toBe(2);
    expect(text.by('a_total', 'c')).toEqual({ '1': 2, 'a"b\\': 3.5 });
    expect(text.sum('b')).toBe(7);
    expect(text.sum('missing')).toBe(0);
  });
});

describe('free ports', () => {
  it('are free, and never given twice', async () => {
    const first = await freePorts(4);
    const second = await freePort();
    expect(first % 2).toBe(0);
    expect(second < first || second > first + 3).toBe(true);
    expect(await udpIsFree(first + 3)).toBe(true);
    expect(await tcpIsFree(second)).toBe(true);
  });
});

describe('programs', () => {
  it('give their lines and status, and end when told to', async () => {
    const program = new Program('sh', ['-c', 'echo one; echo two >&2; sleep 60']);
    expect(await program.line((line) => line === 'two')).toBe('two');
    expect(program.lines).toContain('one');
    expect(await program.stop()).not.toBe(0);
    expect(await new Program('sh', ['-c', 'exit 3']).ended).toBe(3);
    await expect(new Program('sh', ['-c', 'exit 0']).line(() => false)).rejects.toThrow('ended with 0');
  });
});
