import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crossCheck } from './cross-checks.js';
import { type Environment, Expander, type ReadText, reasonOf } from './expand.js';
import { faultsOf } from './faults.js';
import { deepFreeze } from './freeze.js';
import type { Path } from './path.js';
import { keysAt } from './reference.js';
import { gatewaySchema, type ParsedGateway } from './schema/gateway.js';
import type { ConfigFault, DeepReadonly, GatewayConfig, LoadOutcome } from './types.js';
import { readYaml } from './yaml.js';

/**
 * Loads a configuration:
 *
 *     text ─yaml─► plain value ─expand─► ─schema─► typed, defaults in ─fill─► ─cross checks─► frozen GatewayConfig
 *
 * Each step notes every fault it finds; the value is given only when there is none.
 */

export const systemFiles: ReadText = (path) => readFileSync(path, 'utf8');

/**
 * Loads the file at `path`; without a path, the defaults. Relative paths, here and inside the file, count from the
 * working directory. Never throws for what the file holds.
 */
export function loadConfig(path: string | undefined, env: Environment, read: ReadText = systemFiles): LoadOutcome {
  if (path === undefined) return parseConfig('', env, read);
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    return { ok: false, faults: [{ path: '', message: `${path} cannot be read (${reasonOf(error)})` }] };
  }
  return parseConfig(text, env, read);
}

/** Loads a configuration from YAML (or JSON) text. */
export function parseConfig(text: string, env: Environment, read: ReadText = systemFiles): LoadOutcome {
  const yaml = readYaml(text);
  if (yaml.faults.length > 0) return { ok: false, faults: yaml.faults };
  const outcome = checkConfig(yaml.value, env, read);
  const withLine = (fault: ConfigFault): ConfigFault => {
    const line = yaml.lineOf(parsePath(fault.path));
    return line === undefined ? fault : { ...fault, line };
  };
  if (!outcome.ok) return { ok: false, faults: outcome.faults.map(withLine) };
  return { ...outcome, warnings: outcome.warnings.map(withLine) };
}

/** Loads a configuration from a plain value, as tests and embedders have it. */
export function checkConfig(value: unknown, env: Environment = {}, read: ReadText = systemFiles): LoadOutcome {
  const faults: ConfigFault[] = [];
  const expanded = new Expander(env, read, faults).expand(value);
  const result = gatewaySchema.safeParse(expanded, { reportInput: true });
  if (!result.success) {
    const expansionPaths = new Set(faults.map((fault) => fault.path));
    const further = faultsOf(result.error.issues, keysAt).filter((fault) => !expansionPaths.has(fault.path));
    return { ok: false, faults: [...faults, ...further] };
  }
  const config = fillIn(result.data);
  const findings = crossCheck(config, read);
  faults.push(...findings.faults);
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, config: deepFreeze(config), warnings: findings.warnings };
}

/** What a node runs with when it is given nothing. */
export function embeddedDefaults(): GatewayConfig {
  const outcome = checkConfig({});
  if (!outcome.ok)
    throw new Error(`defaults are not valid: ${outcome.faults.map((fault) => fault.message).join('; ')}`);
  return outcome.config;
}

/** Defaults that depend on other keys; connector names in groups become ids. */
function fillIn(parsed: ParsedGateway): GatewayConfig {
  const value = parsed as DeepReadonly<ParsedGateway>;
  const voiceConnectors = value.voiceConnectors.map((connector) => ({
    ...connector,
    id: connector.id ?? derivedConnectorId(value.account, connector.name),
  }));
  const idOfName = new Map(voiceConnectors.map((connector) => [connector.name, connector.id]));
  const voiceConnectorGroups = value.voiceConnectorGroups.map((group) => ({
    ...group,
    items: group.items.map((item) => ({
      ...item,
      voiceConnectorId: idOfName.get(item.voiceConnectorId) ?? item.voiceConnectorId,
    })),
  }));
  return {
    ...value,
    store: value.store ?? { kind: 'sqlite', path: `${value.dataDir}/trunkline.db` },
    records: value.records ?? { kind: 'file', directory: `${value.dataDir}/records` },
    logs: { ...value.logs, directory: value.logs.directory ?? `${value.dataDir}/logs` },
    voiceConnectors,
    voiceConnectorGroups,
  };
}

/** The id of a connector that declares none: 22 letters and digits, the same at every start. */
export function derivedConnectorId(account: string, name: string): string {
  const digest = createHash('sha256').update(`${account}/${name}`).digest('hex');
  return BigInt(`0x${digest}`).toString(36).padStart(22, '0').slice(-22);
}

/** `a[0].b["c d"]` → ['a', 0, 'b', 'c d']. */
function parsePath(text: string): Path {
  const steps: PropertyKey[] = [];
  for (const match of text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)) {
    steps.push(match[1] === undefined ? (match[2] ?? match[3]!) : Number(match[1]));
  }
  return steps;
}
