import type { ConfigFault, GatewayConfig, VoiceConnectorConfig } from '../types.js';
import { duplicateFaults, type Placed } from './duplicates.js';

/** Voice Connectors and groups: ids, names, members, routes, credentials. */

export function* connectorFaults(config: GatewayConfig): Iterable<ConfigFault> {
  const connectors = config.voiceConnectors;
  yield* duplicateFaults(
    'id',
    connectors.map((one, index) => ({ value: one.id, path: `voiceConnectors[${index}].id` })),
  );
  yield* duplicateFaults(
    'name',
    connectors.map((one, index) => ({ value: one.name, path: `voiceConnectors[${index}].name` })),
  );
  for (const [index, connector] of connectors.entries()) {
    yield* oneConnector(connector, config, `voiceConnectors[${index}]`);
  }
  yield* groupFaults(config);
}

/** Whether a connector may show the number: it is its own, or of a group it is in. */
const mayShow = (number: string, connector: VoiceConnectorConfig, config: GatewayConfig): boolean =>
  connector.phoneNumbers.includes(number) ||
  config.voiceConnectorGroups.some(
    ({ items, phoneNumbers }) =>
      phoneNumbers.includes(number) && items.some(({ voiceConnectorId }) => voiceConnectorId === connector.id),
  );

function* oneConnector(connector: VoiceConnectorConfig, config: GatewayConfig, path: string): Iterable<ConfigFault> {
  const { termination, origination, emergency } = connector;
  const usernames = termination?.credentials.map((one, at) => ({
    value: one.username,
    path: `${path}.termination.credentials[${at}].username`,
  }));
  yield* duplicateFaults('user name', usernames ?? []);
  yield* duplicateFaults('route', routePlaces(connector, path));
  yield* duplicateFaults(
    'calling country',
    (emergency?.dnis ?? []).map((one, at) => ({
      value: one.callingCountry,
      path: `${path}.emergency.dnis[${at}].callingCountry`,
    })),
  );
  const fallback = termination?.defaultPhoneNumber;
  if (fallback !== undefined && !mayShow(fallback, connector, config)) {
    yield {
      path: `${path}.termination.defaultPhoneNumber`,
      message: `${fallback} must be one of the phoneNumbers of this connector or of a group it is in`,
    };
  }
  if (emergency !== undefined && (termination === undefined || origination === undefined)) {
    yield { path: `${path}.emergency`, message: 'needs termination and origination' };
  }
}

const routePlaces = (connector: VoiceConnectorConfig, path: string): Placed[] =>
  (connector.origination?.routes ?? []).map((route, at) => ({
    value: `${route.host}:${route.port}/${route.protocol}`,
    path: `${path}.origination.routes[${at}]`,
  }));

function* groupFaults(config: GatewayConfig): Iterable<ConfigFault> {
  const groups = config.voiceConnectorGroups;
  yield* duplicateFaults(
    'group name',
    groups.map((group, index) => ({ value: group.name, path: `voiceConnectorGroups[${index}].name` })),
  );
  const ids = new Set(config.voiceConnectors.map((connector) => connector.id));
  for (const [index, group] of groups.entries()) {
    const items = group.items.map((item, at) => ({
      value: item.voiceConnectorId,
      path: `voiceConnectorGroups[${index}].items[${at}].voiceConnectorId`,
    }));
    yield* duplicateFaults('connector', items);
    for (const item of items) {
      if (!ids.has(item.value))
        yield { path: item.path, message: `${item.value} is not the id or name of a connector of this file` };
    }
  }
}

export function* connectorWarnings(config: GatewayConfig): Iterable<ConfigFault> {
  for (const [index, connector] of config.voiceConnectors.entries()) {
    const path = `voiceConnectors[${index}]`;
    const { termination, origination, streaming } = connector;
    if (streaming && !streaming.disabled) {
      yield { path: `${path}.streaming`, message: 'has no effect: this version does not stream' };
    }
    if (termination && termination.cidrAllowedList.length === 0 && termination.credentials.length === 0) {
      yield { path: `${path}.termination`, message: 'has neither cidrAllowedList nor credentials: it admits no call' };
    }
    if (termination && termination.callingRegions.length === 0) {
      yield { path: `${path}.termination.callingRegions`, message: 'is empty: no country may be called' };
    }
    if (origination && origination.routes.length === 0) {
      yield { path: `${path}.origination.routes`, message: 'is empty: inbound calls have nowhere to go' };
    }
  }
}
