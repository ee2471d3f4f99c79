import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Policy } from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import type { Scheduler } from '../core/index.js';

/** What the parts are given of the configuration, in their own shapes. */

/** Who is served before anything is parsed: known sources; others as far as they may prove who they are. */
export const sourceRules = (policy: Policy) => ({
  allow: policy.knownSources(),
  otherwise: policy.admitsUnknownSources() ? ('limited' as const) : ('deny' as const),
});

export const deniedAnswer = (config: GatewayConfig) => (config.sip.unknownSource === 'drop' ? 'drop' : 'answer');

export const messageLimits = ({ sip: { limits } }: GatewayConfig) => ({
  maxHeaderBytes: limits.maxHeaderBytes,
  maxBodyBytes: limits.maxBodyBytes,
  maxHeaderFields: limits.maxHeaderFields,
});

export const transportLimits = (config: GatewayConfig) => ({
  message: messageLimits(config),
  connections: config.sip.limits.maxConnections,
  connectionsPerSource: config.sip.limits.maxConnectionsPerSource,
  idleMs: config.sip.limits.idleConnectionSeconds * 1000,
});

/** The authority that `npm run certs` puts beside the certificate: what peers are given to trust. */
export function rootCertificate({ sip: { tls } }: GatewayConfig): string | undefined {
  const path = tls.certificate && join(dirname(tls.certificate), 'ca.pem');
  return path && existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export function tlsOptions({ sip: { tls } }: GatewayConfig) {
  if (!tls.certificate || !tls.key) return undefined;
  return {
    certificates: [{ certificate: tls.certificate, key: tls.key }],
    ...(tls.ca && { ca: tls.ca }),
    minVersion: tls.minVersion,
    clientCertificate: tls.clientCertificate,
  };
}

/** The value of `read`, read again when it is older than `maxAgeMs`: for what is asked for with every call. */
export function fresh<T>(scheduler: Scheduler, maxAgeMs: number, read: () => T): () => T {
  let value: T | undefined;
  let readMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = scheduler.nowMs();
    if (value === undefined || nowMs - readMs >= maxAgeMs) {
      value = read();
      readMs = nowMs;
    }
    return value;
  };
}

/** What a reload puts in force at once; the rest is read at start. */
export const LIVE_PATHS =
  /^(carriers|voiceConnector|phoneNumbers|limits\.(ring|maxAtt|maxCallsPer)|numbers|emergency|fraud|api\.accessKeys|sip\.(tls|unknownSource|noResponse|health\.enabled))/;
