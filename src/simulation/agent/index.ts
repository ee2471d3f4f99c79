export { AgentHost } from './agent-host.js';
export { AgentLeg, type Complaint, type LegParts } from './agent-leg.js';
export { Callee, NO_ACK, NO_PRACK } from './callee.js';
export { Caller } from './caller.js';
export { PATIENCE_MS } from './repeater.js';
