/** The simulation: the real SIP core and call layer in virtual time, among peers that fail in every way. */
export { checkWorld, type Violation } from './checks.js';
export { tellCall } from './report.js';
export * from './shape/index.js';
export { simulate, type WorldOutcome } from './simulate.js';
export { CARRIERS, CONNECTORS } from './topology.js';
export { World } from './world.js';
