import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemRandom, systemScheduler } from '../core/index.js';
import { encodeMuLaw } from '../rtp/index.js';
import { AudioEnd, FRAME_SAMPLES } from './audio-end.js';
import { collectEvidence, type Evidence } from './evidence.js';
import {
  ADDRESS,
  CONNECTOR_ID,
  FAR_NUMBER,
  type GatewayProcess,
  OFFICE_NUMBER,
  startGatewayProcess,
  wait,
} from './gateway-process.js';
import { SipEnd } from './sip-end.js';
import { speechLike } from './speech.js';
import { heading, tellStory } from './story.js';

/**
 * npm run demo: a demonstration PBX calls a demonstration carrier through the real gateway, talks for ten seconds, and
 * the gateway's own record tells the story.
 *
 *     demo PBX ── SIP, RTP ──► bin/trunkline serve ── SIP, RTP ──► demo carrier
 */

const TALK_SECONDS = 10;
const CALL_LIMIT_MS = 30_000;
const RECORD_LIMIT_MS = 10_000;

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, 'data', 'demo');
const say = (text: string): void => void process.stdout.write(text);
const shownPath = (path: string): string => relative(process.cwd(), path) || path;

interface Outcome {
  readonly callId: string;
  readonly answered: boolean;
  readonly reason: string;
  readonly intact: readonly [atPbx: number, atCarrier: number];
  readonly spoken: readonly [byPbx: number, byCarrier: number];
}

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== '--once');
  if (unknown !== undefined) {
    process.stderr.write(`unknown option ${unknown}\nusage: npm run demo [-- --once]\n`);
    return 2;
  }
  const random = new SystemRandom();
  const voices = [speech(1), speech(2)] as const;
  const pbxAudio = await AudioEnd.open(ADDRESS, voices[0], random);
  const carrierAudio = await AudioEnd.open(ADDRESS, voices[1], random);
  const clock = stopwatch();
  const carrierEnded = deferred<string>();
  const carrier = await SipEnd.open(FAR_NUMBER, carrierAudio, random, {
    onInvite: () => clock.say('carrier   gets the call and rings'),
    onAnswered: ({ port }) => clock.say(`carrier   answers; its audio goes to the gateway's port ${port}`),
    onEnded: carrierEnded.resolve,
  });

  const gateway = await startGatewayProcess(root, directory, carrier.port);
  try {
    introduce(gateway, carrier.port);
    const outcome = await placeCall(gateway, pbxAudio, carrierAudio, voices, clock, carrierEnded.promise, random);
    await carrier.close();
    const evidence = await collectEvidence(directory, CONNECTOR_ID, outcome.callId, RECORD_LIMIT_MS);
    say(tellStory(evidence));
    const good = judge(outcome, evidence);
    lookNext(gateway, evidence);
    if (!args.includes('--once')) await untilInterrupted(gateway);
    return good ? 0 : 1;
  } finally {
    await gateway.stop();
  }
}

/** Twelve seconds of speech in µ-law frames: longer than the call. */
function speech(seed: number): Buffer[] {
  const bytes = encodeMuLaw(speechLike(seed, TALK_SECONDS + 2));
  const frames: Buffer[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= bytes.length; at += FRAME_SAMPLES) {
    frames.push(Buffer.from(bytes.subarray(at, at + FRAME_SAMPLES)));
  }
  return frames;
}

function introduce(gateway: GatewayProcess, carrierPort: number): void {
  say(heading('The stage'));
  say(`  gateway   bin/trunkline serve --config ${shownPath(gateway.configFile)}   (pid ${gateway.process.pid})\n`);
  say(`            SIP on ${ADDRESS}:${gateway.sipPort} (UDP and TCP)\n`);
  say(`  PBX       a small telephone with the number ${OFFICE_NUMBER}\n`);
  say(`  carrier   another one at ${ADDRESS}:${carrierPort}, which answers for ${FAR_NUMBER}\n`);
  say(heading('The call'));
}

async function placeCall(
  gateway: GatewayProcess,
  pbxAudio: AudioEnd,
  carrierAudio: AudioEnd,
  voices: readonly [Buffer[], Buffer[]],
  clock: Stopwatch,
  carrierEnded: Promise<string>,
  random: SystemRandom,
): Promise<Outcome> {
  const answered = deferred<boolean>();
  let failure = '';
  const pbx = await SipEnd.open(OFFICE_NUMBER, pbxAudio, random, {
    onRinging: () => clock.say('PBX       hears it ring'),
    onAnswered: ({ port }) => {
      clock.say(`PBX       is through; its audio goes to the gateway's port ${port}`);
      answered.resolve(true);
    },
    onEnded: (reason) => {
      failure = reason;
      answered.resolve(false);
    },
  });
  clock.restart();
  clock.say(`PBX       calls ${FAR_NUMBER}`);
  const callId = pbx.call(FAR_NUMBER, ADDRESS, gateway.sipPort);
  const through = await Promise.race([answered.promise, wait(CALL_LIMIT_MS).then(() => false)]);
  if (through) {
    clock.say(`both      talk for ${TALK_SECONDS} seconds …`);
    await wait(TALK_SECONDS * 1000);
    clock.say('PBX       hangs up');
    await pbx.hangUp();
    clock.say(`carrier   ${await Promise.race([carrierEnded, wait(CALL_LIMIT_MS).then(() => 'was not told')])}`);
  } else {
    clock.say(`PBX       gets no answer: ${failure || 'nothing came'}`);
  }
  await pbx.close();
  return {
    callId,
    answered: through && failure === '',
    reason: failure,
    spoken: [pbxAudio.sent, carrierAudio.sent],
    intact: [intactFrames(pbxAudio.heard, voices[1]), intactFrames(carrierAudio.heard, voices[0])],
  };
}

/** How many of the received frames are, octet for octet and in order, frames of that voice. */
function intactFrames(heard: readonly Buffer[], voice: readonly Buffer[]): number {
  let at = 0;
  let intact = 0;
  for (const frame of heard) {
    const found = voice.findIndex((candidate, index) => index >= at && candidate.equals(frame));
    if (found < 0) continue;
    intact++;
    at = found + 1;
  }
  return intact;
}

/** Says whether the call was good, from both ends and from the record. */
function judge({ answered, reason, intact, spoken }: Outcome, { record }: Evidence): boolean {
  const heardEnough = spoken.every((frames, speaker) => frames > 0 && intact[1 - speaker]! >= frames * 0.98);
  const good = answered && record.Status === 'Completed' && heardEnough;
  say(`  the carrier heard ${intact[1]} of ${spoken[0]} frames unchanged, the PBX ${intact[0]} of ${spoken[1]}\n`);
  if (!good) say(`  the call did not go as it should${reason ? `: ${reason}` : ''}\n`);
  return good;
}

function lookNext(gateway: GatewayProcess, evidence: Evidence): void {
  const config = shownPath(gateway.configFile);
  say(heading('Where to look next'));
  const rows: [string, string][] = [
    ['record', shownPath(evidence.recordFile)],
    ['media log', shownPath(evidence.mediaLogFile)],
    ['SIP log', shownPath(evidence.sipLogFile)],
    ['metrics', gateway.metricsUrl],
    ['gateway log', shownPath(gateway.logFile)],
    ['dry run', `bin/trunkline route --config ${config} --from ${OFFICE_NUMBER} --to ${FAR_NUMBER}`],
    ['your own', `point a SIP phone at ${ADDRESS}:${gateway.sipPort}, or copy ${config} and make it yours`],
  ];
  say(rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}\n`).join(''));
}

async function untilInterrupted(gateway: GatewayProcess): Promise<void> {
  say('\nThe gateway keeps running. Ctrl-C ends it.\n');
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    gateway.process.once('exit', () => resolve());
  });
  clearInterval(keepAlive);
}

interface Stopwatch {
  restart(): void;
  say(text: string): void;
}

function stopwatch(): Stopwatch {
  let startMs = systemScheduler.nowMs();
  return {
    restart: () => {
      startMs = systemScheduler.nowMs();
    },
    say: (text) => say(`  ${((systemScheduler.nowMs() - startMs) / 1000).toFixed(2).padStart(6)} s  ${text}\n`),
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: Error) => {
    process.stderr.write(`demo: ${error.message}\n`);
    process.exit(1);
  },
);
