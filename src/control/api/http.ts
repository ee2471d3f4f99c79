import { GatewayError } from '../../core/index.js';
import type { Caller } from './access.js';

/** What a handler of the API gets and gives. */
export interface ApiRequest {
  /** Parts of the path that the route names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  /** `key:<id>`, for audit lines. */
  readonly who: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/voice-connectors/:id/termination`, below /trunkline/v1. */
  readonly path: string;
  /** Served without an access key. */
  readonly open?: boolean;
  readonly handle: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>;
}

export type { Caller };

/** An answer other than success. */
export class ApiError extends GatewayError {
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(code, message, { origin: 'remote' });
    this.status = status;
  }
}

export const badRequest = (message: string): ApiError => new ApiError(400, 'api.bad-request', message);
export const notFound = (message: string): ApiError => new ApiError(404, 'api.not-found', message);

export const ok = (body: unknown): ApiAnswer => ({ status: 200, body });

/** The body as a map. @throws ApiError 400 */
export function mapOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw badRequest('The body must be a JSON object');
}

/** A member of the body that must be text. @throws ApiError 400 */
export function textOf(body: unknown, name: string): string {
  const value = mapOf(body)[name];
  if (typeof value === 'string' && value !== '') return value;
  throw badRequest(`${name} must be text`);
}
