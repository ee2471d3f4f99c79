import type { TimerName } from './table.js';

/** RFC 3261 §17.1.1.1, table 4: round-trip estimate, largest retransmission interval, time a message stays in the network. */
export interface TimerSettings {
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly t4Ms: number;
}

export const DEFAULT_TIMERS: TimerSettings = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 };

/** Timer D is at least this on unreliable transports (RFC 3261 §17.1.1.2). */
const TIMER_D_FLOOR_MS = 32_000;

export type TimerDelays = Readonly<Record<TimerName, number | undefined>>;

/**
 * First length of every timer (RFC 3261 table 4, RFC 6026 §7) on a reliable or unreliable transport.
 * Undefined: not set at all there. 0: fires at once.
 */
export function timerDelays({ t1Ms, t4Ms }: TimerSettings, reliable: boolean): TimerDelays {
  const wholeMs = 64 * t1Ms;
  const absorbMs = (ms: number): number => (reliable ? 0 : ms);
  const retransmitMs = reliable ? undefined : t1Ms;
  return {
    A: retransmitMs,
    B: wholeMs,
    D: absorbMs(Math.max(TIMER_D_FLOOR_MS, wholeMs)),
    E: retransmitMs,
    F: wholeMs,
    G: retransmitMs,
    H: wholeMs,
    I: absorbMs(t4Ms),
    J: absorbMs(wholeMs),
    K: absorbMs(t4Ms),
    L: wholeMs,
    M: wholeMs,
  };
}
