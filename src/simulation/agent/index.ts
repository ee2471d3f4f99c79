export { AgentHost } from './agent-host.js';
export { AgentLeg, type LegParts } from './agent-leg.js';
export { Callee } from './callee.js';
export { Caller } from './caller.js';
