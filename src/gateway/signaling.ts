import { OverloadMonitor, type Policy } from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import { type Counters, type Logger, type Random, systemScheduler } from '../core/index.js';
import { ContactedPeers, createLocator, SipCore, SipTransports, SourceFilter, SourceGuard } from '../sip/index.js';
import { deniedAnswer, messageLimits, sourceRules, tlsOptions, transportLimits } from './settings.js';

export type Signaling = ReturnType<typeof buildSignaling>;

/** Sockets, source filter, overload monitor and SIP core; nothing is bound yet. */
export function buildSignaling(
  config: GatewayConfig,
  policy: Policy,
  parts: { random: Random; logger: Logger; counters: Counters },
) {
  const scheduler = systemScheduler;
  const { counters } = parts;
  const sources = new SourceFilter(sourceRules(policy));
  const contacted = new ContactedPeers(scheduler);
  const tls = tlsOptions(config);
  const transports = new SipTransports({
    listeners: config.sip.listen.map(({ transport, host, port }) => ({ transport, address: host, port })),
    ...(config.sip.advertise && { advertise: config.sip.advertise }),
    ...(tls && { tls }),
    webSocketOrigins: config.sip.webSocketOrigins,
    limits: transportLimits(config),
    guard: new SourceGuard({
      admits: contacted.allow(sources.admits),
      denied: deniedAnswer(config),
      scheduler,
      counters,
    }),
    scheduler,
    ...parts,
  });
  const overload = new OverloadMonitor(scheduler, () => transports.queueDelayMs());
  policy.sheds = () => overload.sheds();
  const core = new SipCore({
    wire: contacted.watch(transports),
    locator: createLocator({ transports, scheduler, ...parts }),
    scheduler,
    ...parts,
    options: {
      t1Ms: config.sip.t1Ms,
      userAgent: config.sip.userAgent,
      isSameParty: (one, other) => policy.isSameCarrier(one, other),
    },
    parseLimits: messageLimits(config),
  });
  return { sources, transports, overload, core };
}
