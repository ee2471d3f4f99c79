import { isIP } from 'node:net';
import { type ReadText, reasonOf } from '../expand.js';
import { formatHttpListener, formatSipListener } from '../schema/listeners.js';
import type { ConfigFault, GatewayConfig } from '../types.js';

/** Sockets that clash, and listeners without what they need. */

interface Socket {
  readonly kind: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly shown: string;
}

function* sockets(config: GatewayConfig): Iterable<Socket> {
  for (const [index, listener] of config.sip.listen.entries()) {
    const kind = listener.transport === 'udp' ? 'udp' : 'tcp';
    yield {
      kind,
      host: listener.host,
      port: listener.port,
      path: `sip.listen[${index}]`,
      shown: formatSipListener(listener),
    };
  }
  for (const section of ['api', 'metrics'] as const) {
    const listener = config[section].listen;
    if (!listener) continue;
    yield {
      kind: 'tcp',
      host: listener.host,
      port: listener.port,
      path: `${section}.listen`,
      shown: formatHttpListener(listener),
    };
  }
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Two addresses one socket cannot share: `::` takes IPv4 too, `0.0.0.0` does not take IPv6. */
const sameHost = (a: string, b: string): boolean => a === b || covers(a, b) || covers(b, a);

const covers = (wide: string, host: string): boolean => wide === '::' || (wide === '0.0.0.0' && !host.includes(':'));

export function* listenerFaults(config: GatewayConfig, read: ReadText): Iterable<ConfigFault> {
  const seen: Socket[] = [];
  for (const socket of sockets(config)) {
    yield* clashes(socket, seen, config);
    seen.push(socket);
  }
  yield* tlsFaults(config, read);
  if (config.media.engine === 'rtpengine' && config.media.rtpengine.length === 0) {
    yield { path: 'media.rtpengine', message: 'must list at least one address when media.engine is rtpengine' };
  }
  if (config.sip.sessionTimer.minimumSeconds > config.sip.sessionTimer.intervalSeconds) {
    yield { path: 'sip.sessionTimer.minimumSeconds', message: 'must not exceed sip.sessionTimer.intervalSeconds' };
  }
}

function* clashes(socket: Socket, seen: readonly Socket[], config: GatewayConfig): Iterable<ConfigFault> {
  const other = seen.find(
    (one) => one.kind === socket.kind && one.port === socket.port && sameHost(one.host, socket.host),
  );
  if (socket.port !== 0 && other) {
    yield { path: socket.path, message: `${socket.shown} takes the same socket as ${other.shown} at ${other.path}` };
  }
  const { low, high } = config.media.ports;
  if (
    socket.kind === 'udp' &&
    socket.port >= low &&
    socket.port <= high &&
    config.media.listen.some((address) => sameHost(socket.host, address))
  ) {
    yield { path: socket.path, message: `${socket.shown} lies in the media ports ${low}-${high}: move one of the two` };
  }
}

function* tlsFaults(config: GatewayConfig, read: ReadText): Iterable<ConfigFault> {
  const { tls, listen } = config.sip;
  const secure = listen.findIndex((listener) => listener.transport === 'tls' || listener.transport === 'wss');
  const needs = secure < 0 ? undefined : `sip.listen[${secure}]`;
  yield* certificateFaults('sip.tls', tls, needs, read);
  if (tls.ca !== undefined) yield* unreadable('sip.tls.ca', tls.ca, read);
  yield* certificateFaults('api', config.api, config.api.listen?.protocol === 'https' ? 'api.listen' : undefined, read);
  if (config.metrics.listen?.protocol === 'https') {
    yield { path: 'metrics.listen', message: 'must be http://: metrics are served without TLS' };
  }
}

function* certificateFaults(
  section: string,
  files: { readonly certificate?: string | undefined; readonly key?: string | undefined },
  neededBy: string | undefined,
  read: ReadText,
): Iterable<ConfigFault> {
  for (const name of ['certificate', 'key'] as const) {
    const file = files[name];
    if (file !== undefined) yield* unreadable(`${section}.${name}`, file, read);
    else if (neededBy !== undefined) yield { path: `${section}.${name}`, message: `is missing: ${neededBy} needs it` };
    else if (files.certificate !== undefined || files.key !== undefined) {
      yield { path: `${section}.${name}`, message: 'is missing: certificate and key belong together' };
    }
  }
}

function* unreadable(path: string, file: string, read: ReadText): Iterable<ConfigFault> {
  try {
    read(file);
  } catch (error) {
    yield { path, message: `names a file that cannot be read: ${file} (${reasonOf(error)})` };
  }
}

export function* listenerWarnings(config: GatewayConfig): Iterable<ConfigFault> {
  const wildcard = config.sip.listen.findIndex((listener) => isWildcard(listener.host));
  if (wildcard >= 0 && config.sip.advertise === undefined) {
    yield {
      path: `sip.listen[${wildcard}]`,
      message: 'listens on every address: set sip.advertise so that peers are told a real one',
    };
  }
  if (config.media.listen.some(isWildcard) && config.media.advertise === undefined) {
    yield {
      path: 'media.listen',
      message: 'listens on every address: set media.advertise so that peers are told a real one',
    };
  }
  yield* unreachableTargets(config);
  const { listen, accessKeys } = config.api;
  if (listen?.protocol === 'http' && !isLoopback(listen.host)) {
    yield { path: 'api.listen', message: 'is reachable without TLS from other machines' };
  }
  if (listen && accessKeys.length === 0) {
    yield { path: 'api.accessKeys', message: 'is empty: the API refuses every signed request' };
  }
}

/** Targets of a transport that nothing listens on: we speak from our listeners only, and answers come back to them. */
function* unreachableTargets({ sip, carriers, voiceConnectors }: GatewayConfig): Iterable<ConfigFault> {
  const served = new Set<string>(sip.listen.map(({ transport }) => transport.toUpperCase()));
  const missing = (path: string, protocol: string): ConfigFault[] =>
    served.has(protocol)
      ? []
      : [
          {
            path,
            message: `cannot be reached over ${protocol}: sip.listen has no ${protocol.toLowerCase()}:// listener`,
          },
        ];
  for (const [at, { hosts }] of carriers.entries())
    for (const [index, { protocol }] of hosts.entries()) yield* missing(`carriers[${at}].hosts[${index}]`, protocol);
  for (const [at, { requireEncryption, origination }] of voiceConnectors.entries())
    for (const [index, { protocol }] of (origination?.routes ?? []).entries())
      yield* missing(`voiceConnectors[${at}].origination.routes[${index}]`, requireEncryption ? 'TLS' : protocol);
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
