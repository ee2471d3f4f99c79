import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import type { ApiConfig } from '../../config/index.js';
import type { GatewayError, Logger } from '../../core/index.js';
import { ResourceError } from '../../store/index.js';
import { type Caller, identifyCaller } from './access.js';
import { ApiError, badRequest, notFound, type Route } from './http.js';

/**
 * The management API's own part: `/trunkline/v1/…`, JSON over HTTP.
 *
 *     request ─► route? 404 ─► access key? 401 ─► may it? 403 ─► body ≤ 1 MiB, JSON? 400 ─► handler ─► JSON
 *
 * Until requests are signed (SigV4) the access key comes as HTTP Basic, which shows the secret to whoever reads the
 * connection: a clear listener
 * that other machines reach answers health and readiness only.
 */

const PREFIX = '/trunkline/v1';
const MAX_BODY_BYTES = 1024 * 1024;

type Listener = NonNullable<ApiConfig['listen']>;

export class ApiServer {
  readonly #routes: readonly { readonly route: Route; readonly parts: readonly string[] }[];
  readonly #keys: () => ApiConfig['accessKeys'];
  readonly #logger: Logger;
  readonly #listen: Listener;
  readonly #server: Server;
  /** Other machines could read what is said here. */
  readonly #clear: boolean;

  /**
   * @param keys read at each request, so that a reload holds at once
   */
  constructor(
    config: ApiConfig & { readonly listen: Listener },
    routes: readonly Route[],
    keys: () => ApiConfig['accessKeys'],
    logger: Logger,
  ) {
    const { listen, certificate, key } = config;
    this.#clear = listen.protocol === 'http' && !isLoopback(listen.host);
    this.#routes = routes.map((route) => ({ route, parts: route.path.split('/') }));
    this.#keys = keys;
    this.#logger = logger;
    this.#listen = listen;
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server =
      listen.protocol === 'https'
        ? createTlsServer({ cert: readFileSync(certificate!), key: readFileSync(key!) }, serve)
        : createServer(serve);
    this.#server.requestTimeout = 30_000;
  }

  /** Resolves with the URL once listening; rejects when the address is taken. */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const { host, port, protocol } = this.#listen;
      this.#server.listen(port, host, () => {
        const bound = this.#server.address() as AddressInfo;
        resolve(`${protocol}://${host.includes(':') ? `[${host}]` : host}:${bound.port}`);
      });
    });
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, body } = await this.#answer(request);
      send(response, status, body);
    } catch (error) {
      const { status, body } = this.#failure(error);
      if (status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="trunkline", charset="UTF-8"');
      send(response, status, body);
    }
  }

  async #answer(request: IncomingMessage) {
    const { method = 'GET', url = '/' } = request;
    const { pathname, searchParams } = new URL(url, 'http://api');
    const { route, params } = this.#find(method, pathname);
    const caller = route.open ? undefined : this.#admit(request, route);
    const body = await readJson(request);
    return route.handle({ params, query: searchParams, body, who: `key:${caller?.id ?? ''}` });
  }

  #find(method: string, pathname: string) {
    if (!pathname.startsWith(`${PREFIX}/`)) throw notFound(`Nothing is at ${pathname}; the API is below ${PREFIX}`);
    const given = pathname.slice(PREFIX.length).split('/');
    let pathKnown = false;
    for (const { route, parts } of this.#routes) {
      const params = match(parts, given);
      if (!params) continue;
      if (route.method === method) return { route, params };
      pathKnown = true;
    }
    if (pathKnown) throw new ApiError(405, 'api.bad-request', `${method} is not allowed at ${pathname}`);
    throw notFound(`Nothing is at ${pathname}`);
  }

  #admit(request: IncomingMessage, { method }: Route): Caller {
    if (this.#clear) {
      const message = 'Access keys are not taken over clear HTTP from other machines: use https://, or loopback';
      throw new ApiError(403, 'api.insecure-listener', message);
    }
    const caller = identifyCaller(request.headers.authorization, this.#keys());
    if (!caller)
      throw new ApiError(401, 'api.unauthorized', 'A valid access key is needed (HTTP Basic: id and secret)');
    if (caller.role === 'readonly' && method !== 'GET') {
      throw new ApiError(403, 'api.forbidden', `Access key ${caller.id} may read only`);
    }
    return caller;
  }

  #failure(error: unknown): { status: number; body: object } {
    if (error instanceof ApiError) return problem(error.status, error);
    if (error instanceof ResourceError) return problem(RESOURCE_STATUS[error.code] ?? 400, error, error.faults);
    this.#logger.error({ err: error }, 'API request failed');
    const internal = new ApiError(500, 'api.internal', 'The request failed inside the gateway; its log says why');
    return problem(500, internal);
  }
}

const RESOURCE_STATUS: Readonly<Record<string, number>> = {
  'store.conflict': 409,
  'store.not-found': 404,
  'store.invalid': 400,
};

const problem = (status: number, { code, message }: GatewayError, faults: readonly object[] = []) => ({
  status,
  body: { error: { code, message, ...(faults.length > 0 && { faults }) } },
});

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(text);
}

function match(parts: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (parts.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = decoded(given[at]!);
    else if (part !== given[at]) return undefined;
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('The path has a broken escape');
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ApiError(413, 'api.bad-request', 'The body is longer than 1 MiB');
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('The body is not JSON');
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
