import type { Path } from '../call/index.js';
import type { Evidence } from './evidence.js';

/** The story of a call as plain text, told from its record and its line in the media log. */

const RULE_WIDTH = 78;
const WHERE: Readonly<Record<Path, string>> = {
  cust2vc: 'PBX → gateway',
  vc2rem: 'gateway → carrier',
  rem2vc: 'carrier → gateway',
  vc2cust: 'gateway → PBX',
};
const MARKS: Readonly<Record<string, string>> = { pass: '✓', fail: '✗', skip: '-', note: '•' };

export const heading = (title: string): string => `\n── ${title} ${'─'.repeat(RULE_WIDTH - title.length - 4)}\n`;

export function tellStory(evidence: Evidence): string {
  return [who(evidence), why(evidence), quality(evidence)].join('');
}

function who({ record }: Evidence): string {
  const own = record.Trunkline;
  const seconds = (ms: number | null): string => (ms === null ? 'unknown' : `${(ms / 1000).toFixed(2)} s`);
  const rows: [string, string][] = [
    [
      'from',
      `${record.SourcePhoneNumber} (${record.SourceCountry}), at ${own.Source} over ${own.Transport.toUpperCase()}`,
    ],
    ['to', `${record.DestinationPhoneNumber} (${record.DestinationCountry})`],
    ['connector', `${record.VoiceConnectorId}, ${record.Direction.toLowerCase()}`],
    ['outcome', `${record.Status}: ${record.StatusMessage}`],
    [
      'timing',
      `rang after ${seconds(own.PostDialDelayMs)}, for ${seconds(own.RingTimeMs)}; talked ${seconds(own.TalkTimeMs)}`,
    ],
    ['codec', `${own.Codec ?? 'unknown'}, encryption ${encryption(own.Encryption)}`],
    ['billed', `${record.BillableDurationSeconds} s in 6-second steps`],
    ['hung up by', `${own.HangupSide} (${own.Code})`],
  ];
  return heading('Who called whom') + rows.map(([name, value]) => `  ${name.padEnd(11)} ${value}\n`).join('');
}

const encryption = (sides: Readonly<Record<string, string>> | null): string =>
  sides === null ? 'unknown' : `${sides.customer} on the PBX side, ${sides.remote} on the carrier side`;

function why({ record }: Evidence): string {
  const { Trace, Attempts } = record.Trunkline;
  const steps = Trace.map((step) => `  ${MARKS[step.verdict] ?? '?'} ${step.check.padEnd(26)} ${step.detail}\n`);
  const attempts = Attempts.map((attempt) => {
    const answered =
      attempt.AnsweredMs === null ? (attempt.Reason ?? 'not answered') : `answered after ${attempt.AnsweredMs} ms`;
    return `  → attempt ${attempt.Number}: ${attempt.Target}, ${answered}\n`;
  });
  return heading('Why this route') + steps.join('') + attempts.join('');
}

function quality({ record, mediaLine }: Evidence): string {
  const figures = record.Trunkline.Quality;
  if (!figures) return `${heading('How it sounded')}  no media was measured\n`;
  const columns = ['path', 'packets', 'bytes', 'lost', 'jitter', 'RTCP'];
  const rows = (Object.keys(WHERE) as Path[]).map((path) => {
    const { rtpPackets, rtpBytes, packetsLost, rtcpPackets } = figures.Paths[path];
    const jitterUs = figures.JitterUs?.[path] ?? null;
    return [WHERE[path], rtpPackets, rtpBytes, packetsLost, milliseconds(jitterUs), rtcpPackets].map(shown);
  });
  const sides = (['customer', 'remote'] as const).map((side) => {
    const rttUs = figures.RttUs?.[side] ?? null;
    const mos = figures.Mos[side].Mean;
    return `  ${side === 'customer' ? 'PBX side    ' : 'carrier side'}  MOS ${shown(mos)}, round trip ${milliseconds(rttUs) ?? 'unknown'}\n`;
  });
  return heading('How it sounded') + table([columns, ...rows]) + sides.join('') + agreement({ record, mediaLine });
}

/** The media log and the record take their figures from the same events; here anybody can see that they agree. */
function agreement({ record, mediaLine }: Pick<Evidence, 'record' | 'mediaLine'>): string {
  const paths = record.Trunkline.Quality?.Paths;
  if (!mediaLine || !paths) return '  the media log has no line for this call\n';
  const same = (Object.keys(WHERE) as Path[]).every(
    (path) => mediaLine[`${path}_rtp_packets`] === paths[path].rtpPackets,
  );
  return same ? '  the media log says the same\n' : '  the media log counts differently; see its lines for this call\n';
}

const milliseconds = (us: number | null): string | null => (us === null ? null : `${(us / 1000).toFixed(2)} ms`);
const shown = (value: string | number | null): string => (value === null ? 'unknown' : String(value));

/** Left-aligned first column, right-aligned others. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('   ');
  return rows.map((row) => `  ${line(row)}\n`).join('');
}
