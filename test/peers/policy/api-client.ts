import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GatewayUnderTest, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';

/** A gateway with its management API, and the API as a test calls it. */
export interface WithApi {
  readonly gateway: GatewayUnderTest;
  readonly api: ApiClient;
}

const KEY = { id: 'ops', secret: 'secret-of-ops' };

export async function startWithApi(
  settings: Record<string, unknown>,
  options: Parameters<typeof startGateway>[1] = {},
): Promise<WithApi> {
  const port = await freePort();
  const api = { listen: `http://127.0.0.1:${port}`, accessKeys: [KEY, { id: 'watch', secret: 'w', role: 'readonly' }] };
  const gateway = await startGateway({ ...settings, api }, options);
  return { gateway, api: new ApiClient(`http://127.0.0.1:${port}/trunkline/v1`) };
}

export interface ApiReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the API, read member by member in tests
  readonly body: any;
}

export class ApiClient {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async call(method: string, path: string, body?: unknown, key = `${KEY.id}:${KEY.secret}`): Promise<ApiReply> {
    const headers = key === '' ? {} : { authorization: `Basic ${Buffer.from(key).toString('base64')}` };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.#base}${path}`, { method, headers, ...text });
    return { status: response.status, body: await response.json() };
  }
}

/** Changes the gateway's configuration file. */
// biome-ignore lint/suspicious/noExplicitAny: the file as a test writes it, member by member
export function editFile(gateway: GatewayUnderTest, edit: (config: Record<string, any>) => void): void {
  const file = join(gateway.dataDir, 'gateway.yaml');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  edit(config);
  writeFileSync(file, JSON.stringify(config));
}
