import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { GatewayConfig } from '../config/index.js';
import { SeededRandom } from '../core/index.js';
import {
  buildSnapshot,
  type Decision,
  decide,
  explain,
  type LiveView,
  type RequestFacts,
  type Snapshot,
} from '../routing/index.js';
import { SqliteStore, storedResources } from '../store/index.js';
import { loadOrExplain, type Output } from './check.js';
import { type RouteQuestion, UsageError } from './cli.js';

/**
 * `trunkline route`: the decision for an imagined call, with nothing running and nothing placed. Every limit counts as
 * unused and every target as up; the weighted draw takes one possible outcome. Resources are those of the store in
 * `dataDir`, the file's and the API's, where one is named; else those of the file.
 */
export function routeCommand(
  path: string | undefined,
  question: RouteQuestion,
  dataDir: string | undefined,
  json: boolean,
  output: Output,
): number {
  const config = loadOrExplain(path, output);
  if (!config) return 2;
  const resources = dataDir === undefined ? config : storedConfig(config, dataDir);
  const snapshot = buildSnapshot(resources);
  const decision = decide(imaginedFacts(resources, question), snapshot, idleView(snapshot), new SeededRandom(1));
  output.out(json ? `${JSON.stringify(decisionJson(decision), undefined, 2)}\n` : `${explain(decision)}\n`);
  return 0;
}

/** What the store in a data directory holds, read and not written, under the settings of the file. @throws UsageError */
function storedConfig(config: GatewayConfig, dataDir: string): GatewayConfig {
  const path = join(dataDir, config.store.kind === 'sqlite' ? basename(config.store.path) : 'trunkline.db');
  if (!existsSync(path)) throw new UsageError(`there is no store at ${path}`);
  return storedResources(config, SqliteStore.read(path));
}

/** Every limit unused, every target up: what a node sees that has just started. */
export const idleView = ({ connectors, carriers }: Snapshot): LiveView => ({
  draining: false,
  overloaded: false,
  mediaPortsFree: 1,
  callTokens: (kind, id) =>
    (kind === 'connector' ? connectors.get(id)?.termination?.cpsLimit : carriers.get(id)?.resource.callsPerSecond) ?? 0,
  activeCalls: () => 0,
  targetState: () => ({ state: 'up' }),
  countryTraffic: () => ({ attempts: 0, minutes: 0, activeCalls: 0, held: false }),
});

/** A decision as plain JSON, the same from the command and from the API. */
export const decisionJson = (decision: Decision): unknown => JSON.parse(JSON.stringify(decision, jsonSafe));

/** Sets become arrays, secrets disappear. */
function jsonSafe(key: string, value: unknown): unknown {
  if (key === 'credentials') return undefined;
  return value instanceof Set ? [...value] : value;
}

/** The facts of a request as the question describes it. @throws UsageError for a connector that does not exist */
export function imaginedFacts(config: GatewayConfig, question: RouteQuestion): RequestFacts {
  const connector = question.inbound ? undefined : connectorOf(config, question.connector);
  const host = connector ? `${connector.id}.${config.domain}` : config.domain;
  const usernames = connector?.termination?.credentials.map(({ username }) => username) ?? [];
  return {
    method: 'INVITE',
    requestUri: { scheme: 'sip', user: question.to, host, port: undefined },
    toHost: host,
    fromUser: question.from,
    assertedUser: undefined,
    source: {
      address: question.source ?? imaginedSource(config, question, connector),
      port: 5060,
      protocol: connector?.requireEncryption ? 'TLS' : 'UDP',
    },
    tlsServerName: undefined,
    tlsPeerNames: [],
    localAddresses: [],
    offer: connector?.requireEncryption ? 'RTP/SAVP' : 'RTP/AVP',
    authentication: usernames[0] === undefined ? { state: 'none' } : { state: 'valid', username: usernames[0] },
  };
}

type Connector = GatewayConfig['voiceConnectors'][number];

/** The connector of that id or name; without one, the only one there is. @throws UsageError */
export function connectorOf(config: GatewayConfig, named: string | undefined): Connector {
  const { voiceConnectors } = config;
  if (named !== undefined) {
    const found = voiceConnectors.find(({ id, name }) => id === named || name === named);
    if (!found) throw new UsageError(`no Voice Connector has the id or name ${JSON.stringify(named)}`);
    return found;
  }
  if (voiceConnectors.length !== 1) {
    throw new UsageError(
      `the configuration holds ${voiceConnectors.length} Voice Connectors: name one with --connector`,
    );
  }
  return voiceConnectors[0]!;
}

/** First address of the connector's allowlist, or of the first carrier with sources. */
function imaginedSource(config: GatewayConfig, question: RouteQuestion, connector: Connector | undefined): string {
  const blocks = question.inbound
    ? config.carriers.flatMap(({ sources }) => sources)
    : (connector?.termination?.cidrAllowedList ?? []);
  return blocks[0]?.split('/')[0] ?? '127.0.0.1';
}
