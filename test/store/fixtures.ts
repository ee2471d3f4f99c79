import { checkConfig, type GatewayConfig } from '../../src/config/index.js';
import { storedDigests } from '../../src/sip/index.js';
import { type AuditLine, Catalogue, type EffectiveConfig, Sealer, SqliteStore } from '../../src/store/index.js';

export const KEY = Buffer.alloc(32, 7);
export const ID = 'abcdef1ghij2klmno3pqr4';
export const NUMBER = '+12065550100';

export function config(value: object): GatewayConfig {
  const outcome = checkConfig(value);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.config;
}

export const DECLARED = {
  carriers: [
    { name: 'main', hosts: [{ host: '192.0.2.1' }], credentials: { username: 'u', password: 'carrier-secret' } },
  ],
  voiceConnectors: [
    {
      id: ID,
      name: 'HQ',
      termination: { callingRegions: ['US'], credentials: [{ username: 'pbx', password: 'user-secret' }] },
      phoneNumbers: [NUMBER],
    },
  ],
};

export async function openCatalogue(path: string, settings: GatewayConfig = config(DECLARED), key = KEY) {
  let nowMs = 1_700_000_000_000;
  const seen: EffectiveConfig[] = [];
  const audit: AuditLine[] = [];
  const parts = {
    store: new SqliteStore(path, nowMs),
    sealer: new Sealer(key),
    makeDigests: (username: string, password: string) => storedDigests(username, settings.domain, password),
    wallMs: () => nowMs++,
    onChange: (effective: EffectiveConfig) => void seen.push(effective),
    onAudit: (line: AuditLine) => void audit.push(line),
    onWriteFailed: (error: unknown) => {
      throw error;
    },
  };
  return { catalogue: await Catalogue.open(parts, settings, 'gateway.yaml'), seen, audit };
}
