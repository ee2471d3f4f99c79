import {
  type Authenticator,
  type CallControl,
  type Captures,
  type Policy,
  placeTestCalls,
  type Registrar,
} from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import type { CallBook, Management } from '../control/index.js';
import { below, type Random, systemScheduler } from '../core/index.js';
import { type Catalogue, forgetHold, ResourceError } from '../store/index.js';
import { digestMaker } from './catalogue.js';
import type { Reloader } from './reloader.js';
import type { Signaling } from './signaling.js';

export interface ManagedParts {
  readonly catalogue: Catalogue;
  readonly callBook: CallBook;
  readonly policy: Policy;
  readonly control: CallControl;
  readonly captures: Captures;
  readonly authenticator: Authenticator;
  readonly registrar: Registrar;
  readonly signaling: Signaling;
  readonly random: Random;
  readonly reloader: Reloader;
}

/** What the management API may see and do. */
export function managementOf(config: GatewayConfig, parts: ManagedParts): Management {
  const scheduler = systemScheduler;
  const { catalogue, policy, control, authenticator, registrar, random, reloader } = parts;
  const { core, overload } = parts.signaling;
  const status = () => (control.draining ? 'draining' : overload.overloaded ? 'overloaded' : 'ok');
  return {
    catalogue,
    makeDigests: digestMaker(config),
    random,
    wallMs: () => scheduler.wallMs(),
    calls: parts.callBook,
    decide: (facts) => policy.decide(facts),
    newConnectorId: () => Array.from({ length: 22 }, () => below(random, 36).toString(36)).join(''),
    health: () => ({
      status: status(),
      callsActive: control.calls.size,
      targets: [...policy.health.debugView()].map(({ retryAtMs, ...target }) => ({
        ...target,
        ...(retryAtMs !== undefined && { retryInSeconds: Math.ceil((retryAtMs - scheduler.nowMs()) / 1000) }),
      })),
      registrations: registrar.views(),
      terminationHealth: Object.fromEntries(
        policy.config.voiceConnectors.flatMap(({ id }) => {
          const last = policy.terminationHealth(id);
          return last ? [[id, last]] : [];
        }),
      ),
      bans: authenticator.bans(),
      fraudHolds: policy.fraudHolds(),
    }),
    ready: () => ({ ready: status() === 'ok', status: status() }),
    releaseHold: async (who, id, country) => {
      const released = policy.releaseHold(id, country);
      return (await forgetHold(catalogue, who, id, country)) || released;
    },
    reload: (who) => reloader.reload(who),
    drain: () => control.drain(),
    capture: (transactionId, order) => parts.captures.capture(transactionId, order),
    testCall: (decision) => {
      if (decision.kind === 'refuse') throw new ResourceError('conflict', decision.reason);
      return placeTestCalls(decision.plan, config.domain, core, scheduler);
    },
  };
}
