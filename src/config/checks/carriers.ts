import type { CarrierConfig, ConfigFault, GatewayConfig } from '../types.js';
import { duplicateFaults, type Placed } from './duplicates.js';

/** Carriers: names, hosts and how an inbound call is recognised. */

export function* carrierFaults(config: GatewayConfig): Iterable<ConfigFault> {
  yield* duplicateFaults(
    'carrier name',
    config.carriers.map((carrier, index) => ({ value: carrier.name, path: `carriers[${index}].name` })),
  );
  for (const [index, carrier] of config.carriers.entries()) {
    yield* duplicateFaults('host', hostPlaces(carrier, index));
    if (carrier.registration && carrier.credentials === undefined) {
      yield { path: `carriers[${index}].credentials`, message: 'is missing: registration needs it' };
    }
  }
  yield* duplicateFaults('source block', sourcePlaces(config));
}

const hostPlaces = (carrier: CarrierConfig, index: number): Placed[] =>
  carrier.hosts.map((host, at) => ({
    value: `${host.host}:${host.port ?? 'default'}/${host.protocol}`,
    path: `carriers[${index}].hosts[${at}]`,
  }));

function* sourcePlaces(config: GatewayConfig): Iterable<Placed> {
  for (const [index, carrier] of config.carriers.entries()) {
    for (const [at, block] of carrier.sources.entries()) {
      yield { value: block, path: `carriers[${index}].sources[${at}]` };
    }
  }
}

export function* carrierWarnings(config: GatewayConfig): Iterable<ConfigFault> {
  if (config.carriers.length === 0) {
    yield { path: 'carriers', message: 'is empty: no outbound call can be routed and no inbound call is recognised' };
  }
  for (const [index, carrier] of config.carriers.entries()) {
    if (carrier.sources.length === 0 && carrier.tlsNames.length === 0) {
      yield {
        path: `carriers[${index}].sources`,
        message: 'is empty: inbound calls of this carrier are not recognised',
      };
    }
  }
}
