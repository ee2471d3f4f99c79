import { isIP } from 'node:net';
import { secretKeys } from './reference.js';
import type { GatewayConfig } from './types.js';

export const HIDDEN = '[redacted]';

/**
 * A configuration as plain values to print: secrets hidden (every key the schema marks as secret, and the password
 * in a URL), listeners and ranges written as in the file.
 */
export function redactConfig(config: GatewayConfig): Record<string, unknown> {
  return redacted(config, secretKeys()) as Record<string, unknown>;
}

/** A part of a configuration, likewise. @param secrets keys of `secretKeys()` */
export const redacted = (value: unknown, secrets: ReadonlySet<string>): unknown => printable(value, secrets);

/** The members that a map shows; undefined for what is no map, or is written as one text. */
export function membersShown(value: unknown): [key: string, value: unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (compact(value as Record<string, unknown>) !== undefined) return undefined;
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

/** A value of a loaded configuration as the file writes it, secrets included; for the store, never to be shown. */
export function notationOf(value: unknown): unknown {
  return printable(value, NO_SECRETS);
}

const NO_SECRETS: ReadonlySet<string> = new Set();

function printable(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (typeof value === 'string')
    return secrets.size === 0 ? value : value.replace(/^([a-z0-9+]+:\/\/[^\s/:@]*):[^\s@]*@/i, `$1:${HIDDEN}@`);
  if (Array.isArray(value)) return value.map((item) => printable(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return compact(value as Record<string, unknown>) ?? printableMap(value, secrets);
}

function printableMap(map: object, secrets: ReadonlySet<string>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(map)) {
    if (value === undefined) continue;
    shown[key] = secrets.has(key) ? HIDDEN : printable(value, secrets);
  }
  return shown;
}

/** The file's own notation of small parsed values; undefined for anything else. */
function compact(value: Record<string, unknown>): string | undefined {
  const keys = Object.keys(value).sort().join();
  const at = () => `${isIP(String(value.host)) === 6 ? `[${value.host}]` : value.host}:${value.port}`;
  if (keys === 'host,port,transport') return `${value.transport}://${at()}`;
  if (keys === 'host,port,protocol' && String(value.protocol).startsWith('http')) return `${value.protocol}://${at()}`;
  if (keys === 'host,port') return `udp://${at()}`;
  if (keys === 'high,low') return `${value.low}-${value.high}`;
  if (keys === 'kind' || (keys === 'country,kind' && value.kind === 'national')) {
    return value.country === undefined ? String(value.kind) : `${value.kind}:${value.country}`;
  }
  return undefined;
}
