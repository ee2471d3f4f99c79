import { SystemRandom, systemScheduler } from '../core/index.js';
import { encodeMuLaw } from '../rtp/index.js';
import { AudioEnd, FRAME_SAMPLES } from './audio-end.js';
import { ADDRESS, FAR_NUMBER, OFFICE_NUMBER, wait } from './gateway-process.js';
import { SipEnd } from './sip-end.js';
import { speechLike } from './speech.js';

/** The demonstration call itself: a PBX and a carrier, ten seconds of talk, told line by line as it happens. */

const TALK_SECONDS = 10;
const CALL_LIMIT_MS = 30_000;

type Say = (text: string) => void;
type Voice = readonly Buffer[];

/** What stands ready before the gateway is there. */
export interface Stage {
  readonly clock: Stopwatch;
  readonly random: SystemRandom;
  readonly carrier: SipEnd;
  readonly carrierEnded: Promise<string>;
  readonly audio: { readonly pbx: AudioEnd; readonly carrier: AudioEnd };
  readonly voices: { readonly pbx: Voice; readonly carrier: Voice };
}

export interface Outcome {
  /** Call-ID of the PBX's leg. */
  readonly callId: string;
  readonly answered: boolean;
  /** Why it was not, or ended early. */
  readonly reason: string;
  /** Frames each side said, and frames that arrived unchanged at the other. */
  readonly spoken: { readonly byPbx: number; readonly byCarrier: number };
  readonly heard: { readonly atPbx: number; readonly atCarrier: number };
}

/** Opens the carrier's telephone and both ends' audio. */
export async function setStage(say: Say): Promise<Stage> {
  const random = new SystemRandom();
  const voices = { pbx: speech(1), carrier: speech(2) };
  const audio = {
    pbx: await AudioEnd.open(ADDRESS, voices.pbx, random),
    carrier: await AudioEnd.open(ADDRESS, voices.carrier, random),
  };
  const clock = stopwatch(say);
  const ended = deferred<string>();
  const carrier = await SipEnd.open(FAR_NUMBER, audio.carrier, random, {
    onInvite: () => clock.say('carrier   gets the call and rings'),
    onAnswered: ({ port }) => clock.say(`carrier   answers; its audio goes to the gateway's port ${port}`),
    onEnded: ended.resolve,
  });
  return { clock, random, carrier, carrierEnded: ended.promise, audio, voices };
}

/** Places the call by way of the gateway, talks, hangs up, and closes both telephones. */
export async function placeCall(stage: Stage, gatewayPort: number): Promise<Outcome> {
  const { clock, carrier, carrierEnded, audio, voices, random } = stage;
  const answered = deferred<boolean>();
  let reason = '';
  const pbx = await SipEnd.open(OFFICE_NUMBER, audio.pbx, random, {
    onRinging: () => clock.say('PBX       hears it ring'),
    onAnswered: ({ port }) => {
      clock.say(`PBX       is through; its audio goes to the gateway's port ${port}`);
      answered.resolve(true);
    },
    onEnded: (why) => {
      reason = why;
      answered.resolve(false);
    },
  });
  clock.restart();
  clock.say(`PBX       calls ${FAR_NUMBER}`);
  const callId = pbx.call(FAR_NUMBER, ADDRESS, gatewayPort);
  const through = await orAfterLimit(answered.promise, false);
  if (through) {
    clock.say(`both      talk for ${TALK_SECONDS} seconds …`);
    await wait(TALK_SECONDS * 1000);
    clock.say('PBX       hangs up');
    await pbx.hangUp();
    clock.say(`carrier   ${await orAfterLimit(carrierEnded, 'was not told')}`);
  } else {
    clock.say(`PBX       gets no answer: ${reason || 'nothing came'}`);
  }
  await Promise.all([pbx.close(), carrier.close()]);
  return {
    callId,
    answered: through && reason === '',
    reason,
    spoken: { byPbx: audio.pbx.sent, byCarrier: audio.carrier.sent },
    heard: {
      atPbx: unchanged(audio.pbx.heard, voices.carrier),
      atCarrier: unchanged(audio.carrier.heard, voices.pbx),
    },
  };
}

const orAfterLimit = <T>(promise: Promise<T>, otherwise: T): Promise<T> =>
  Promise.race([promise, wait(CALL_LIMIT_MS).then(() => otherwise)]);

/** Speech in µ-law frames, longer than the call. */
function speech(seed: number): Voice {
  const bytes = encodeMuLaw(speechLike(seed, TALK_SECONDS + 2));
  const frames: Buffer[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= bytes.length; at += FRAME_SAMPLES) {
    frames.push(Buffer.from(bytes.subarray(at, at + FRAME_SAMPLES)));
  }
  return frames;
}

/** How many of the received frames are, octet for octet and in order, frames of that voice. */
function unchanged(heard: readonly Buffer[], voice: Voice): number {
  let next = 0;
  let count = 0;
  for (const frame of heard) {
    const found = voice.findIndex((candidate, index) => index >= next && candidate.equals(frame));
    if (found < 0) continue;
    count++;
    next = found + 1;
  }
  return count;
}

interface Stopwatch {
  restart(): void;
  /** Says a line with the seconds since the start before it. */
  say: Say;
}

function stopwatch(say: Say): Stopwatch {
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
