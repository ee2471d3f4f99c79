import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';

/** A registry that speaks OpenMetrics. */
export const createRegistry = (): OpenMetricsRegistry => {
  const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
};

export type OpenMetricsRegistry = Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>;

/** Serves `/metrics` (OpenMetrics), `/health` and `/ca.pem` on one address; everything else is 404. */
export class MetricsServer {
  readonly #server: Server;
  readonly #listen: { readonly host: string; readonly port: number };

  /**
   * @param listen address and port; port 0 takes a free one
   * @param beforeScrape brings the registry up to date
   * @param rootCertificate PEM text of the authority that peers are to trust; 404 without one
   */
  constructor(
    listen: { readonly host: string; readonly port: number },
    registry: OpenMetricsRegistry,
    beforeScrape: () => void,
    healthy: () => object,
    rootCertificate: () => string | undefined = () => undefined,
  ) {
    this.#listen = listen;
    this.#server = createServer((request, response) => {
      const path = request.url?.split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
      if (path === '/health') {
        return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(healthy()));
      }
      if (path === '/ca.pem') return sendCertificate(response, rootCertificate());
      if (path !== '/metrics') return void response.writeHead(404).end();
      beforeScrape();
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
  }

  /** Resolves with the URL once listening; rejects when the address is taken. */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const { host, port } = this.#listen;
      this.#server.listen(port, host, () => {
        const bound = this.#server.address() as AddressInfo;
        resolve(`http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`);
      });
    });
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function sendCertificate(response: ServerResponse, pem: string | undefined): void {
  if (pem === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'application/x-pem-file' }).end(pem);
}
