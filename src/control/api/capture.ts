import { MAX_CAPTURE_SECONDS } from '../../call/index.js';
import { GatewayError } from '../../core/index.js';
import { ApiError, badRequest, mapOf, notFound, ok, type Route } from './http.js';
import type { Management } from './management.js';

const DEFAULT_SECONDS = 30;

/** A running call's packets into a file in the data directory; answered when the capture has ended. */
export const captureRoute = ({ calls, capture, catalogue }: Management): Route => ({
  method: 'POST',
  path: '/calls/:id/capture',
  handle: async ({ params, body, who }) => {
    const order = orderOf(body);
    const id = params.id!;
    if (!calls.find(id)) throw notFound(`No call ${id} is running`);
    // Who listens in is written down before it begins, whatever comes of it.
    await catalogue.note(who, 'capture', `call/${id}`, order);
    try {
      return ok(await capture(id, order));
    } catch (error) {
      throw error instanceof GatewayError ? toldAs(error) : error;
    }
  },
});

/** @throws ApiError 400 */
function orderOf(body: unknown): { seconds: number; plain: boolean } {
  const { seconds = DEFAULT_SECONDS, plain = false } = body === undefined ? {} : mapOf(body);
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > MAX_CAPTURE_SECONDS) {
    throw badRequest(`seconds must be a whole number from 1 to ${MAX_CAPTURE_SECONDS}`);
  }
  if (typeof plain !== 'boolean') throw badRequest('plain must be true or false');
  return { seconds, plain };
}

function toldAs({ code, message }: GatewayError): ApiError {
  if (code === 'capture.no-call') return new ApiError(404, code, message);
  return new ApiError(code === 'capture.failed' ? 500 : 409, code, message);
}
