/** The simulation: the real SIP core and call layer in virtual time, among peers that fail in every way. */
export type { Violation } from './checks.js';
export { simulate, type WorldOutcome } from './simulate.js';
