import type { CountryTraffic } from '../types.js';
import type { Clock } from './token-bucket.js';

/**
 * What each connector sends to each country, for the fraud brakes: calls begun and minutes talked in the running hour,
 * calls at once, and holds. The hour slides in twelve slots of five minutes:
 *
 *     [slot −11] … [slot −1] [slot now]      sum of twelve; a slot is emptied when its time comes round again
 */

const SLOTS = 12;
const SLOT_MS = 300_000;

/** Limits that lead to a hold. */
export interface TrafficCaps {
  readonly attempts: number;
  readonly minutes: number;
  readonly concurrentCalls: number;
}

interface Traffic {
  readonly attempts: number[];
  readonly minutes: number[];
  /** Number of the slot period each slot holds. */
  readonly periods: number[];
  activeCalls: number;
  held: boolean;
}

const EMPTY: CountryTraffic = Object.freeze({ attempts: 0, minutes: 0, activeCalls: 0, held: false });

export class CountryTrafficCounters {
  readonly #clock: Clock;
  /** By connector, then country. */
  readonly #traffic = new Map<string, Map<string, Traffic>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(voiceConnectorId: string, country: string): CountryTraffic {
    const traffic = this.#traffic.get(voiceConnectorId)?.get(country);
    if (!traffic) return EMPTY;
    const { activeCalls, held } = traffic;
    return {
      attempts: this.#sum(traffic, traffic.attempts),
      minutes: this.#sum(traffic, traffic.minutes),
      activeCalls,
      held,
    };
  }

  /**
   * Counts a call in. The function given counts it out, once, with the time it was talked.
   * @returns talkedMinutes → void
   */
  begin(voiceConnectorId: string, country: string): (talkedMinutes: number) => void {
    const traffic = this.#open(voiceConnectorId, country);
    traffic.attempts[this.#slot(traffic)]! += 1;
    traffic.activeCalls++;
    let inside = true;
    return (talkedMinutes) => {
      if (!inside) return;
      inside = false;
      traffic.activeCalls--;
      traffic.minutes[this.#slot(traffic)]! += Math.max(0, talkedMinutes);
    };
  }

  /** Holds the country where a cap is reached; true when the hold is new. */
  holdIfOver(voiceConnectorId: string, country: string, caps: TrafficCaps): boolean {
    const now = this.read(voiceConnectorId, country);
    const over =
      now.attempts >= caps.attempts || now.minutes >= caps.minutes || now.activeCalls >= caps.concurrentCalls;
    if (now.held || !over) return false;
    this.#open(voiceConnectorId, country).held = true;
    return true;
  }

  /** Holds the country, as it was held before a restart. */
  hold(voiceConnectorId: string, country: string): void {
    this.#open(voiceConnectorId, country).held = true;
  }

  /** Ends a hold and begins the hour anew; false where none was. */
  release(voiceConnectorId: string, country: string): boolean {
    const traffic = this.#traffic.get(voiceConnectorId)?.get(country);
    if (!traffic?.held) return false;
    traffic.held = false;
    traffic.attempts.fill(0);
    traffic.minutes.fill(0);
    return true;
  }

  /** Every hold. */
  *holds(): IterableIterator<{ readonly voiceConnectorId: string; readonly country: string }> {
    for (const [voiceConnectorId, countries] of this.#traffic) {
      for (const [country, traffic] of countries) if (traffic.held) yield { voiceConnectorId, country };
    }
  }

  #open(voiceConnectorId: string, country: string): Traffic {
    const countries = this.#traffic.get(voiceConnectorId) ?? new Map<string, Traffic>();
    this.#traffic.set(voiceConnectorId, countries);
    const known = countries.get(country);
    if (known) return known;
    const zeros = () => new Array<number>(SLOTS).fill(0);
    const fresh: Traffic = { attempts: zeros(), minutes: zeros(), periods: zeros(), activeCalls: 0, held: false };
    countries.set(country, fresh);
    return fresh;
  }

  #period(): number {
    return Math.floor(this.#clock.nowMs() / SLOT_MS);
  }

  /** Index of the running slot, emptied where it last served an earlier hour. */
  #slot(traffic: Traffic): number {
    const period = this.#period();
    const index = period % SLOTS;
    if (traffic.periods[index] !== period) {
      traffic.periods[index] = period;
      traffic.attempts[index] = 0;
      traffic.minutes[index] = 0;
    }
    return index;
  }

  #sum(traffic: Traffic, slots: readonly number[]): number {
    const oldest = this.#period() - SLOTS;
    return slots.reduce((sum, count, index) => (traffic.periods[index]! > oldest ? sum + count : sum), 0);
  }
}
