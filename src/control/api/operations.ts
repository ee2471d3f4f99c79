import type { RouteQuestion } from '../cli.js';
import { decisionJson, imaginedFacts } from '../route.js';
import { captureRoute } from './capture.js';
import { ApiError, badRequest, mapOf, notFound, ok, type Route, textOf } from './http.js';
import type { Management } from './management.js';

/** The running node over the API: calls, dry run, health, holds, reload, drain, audit. */

export function operationRoutes(management: Management): Route[] {
  return [
    { method: 'GET', path: '/health', open: true, handle: () => ok({ status: management.health().status }) },
    {
      method: 'GET',
      path: '/ready',
      open: true,
      handle: () => {
        const view = management.ready();
        return { status: view.ready ? 200 : 503, body: view };
      },
    },
    { method: 'GET', path: '/state', handle: () => ok(management.health()) },
    ...callRoutes(management),
    captureRoute(management),
    ...routeRoutes(management),
    ...fraudRoutes(management),
    ...nodeRoutes(management),
  ];
}

function callRoutes({ calls }: Management): Route[] {
  return [
    {
      method: 'GET',
      path: '/calls',
      handle: ({ query }) => {
        const connector = query.get('voiceConnectorId');
        const limit = limitOf(query, 1000);
        const found = calls.live().filter((call) => connector === null || call.voiceConnectorId === connector);
        const items = found.slice(0, limit).map(({ trace: _, events: __, ...summary }) => summary);
        return ok({ total: found.length, items });
      },
    },
    {
      method: 'GET',
      path: '/calls/:id',
      handle: ({ params }) => {
        const call = calls.find(params.id!);
        if (!call) throw notFound(`No call ${params.id} is running or among the latest that ended`);
        return ok(call);
      },
    },
  ];
}

function limitOf(query: URLSearchParams, most: number): number {
  const limit = Number(query.get('limit') ?? 100);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw badRequest(`limit must be a whole number from 1 to ${most}`);
}

function routeRoutes(management: Management): Route[] {
  const decided = (body: unknown) => {
    try {
      return management.decide(imaginedFacts(management.catalogue.effective, questionOf(body)));
    } catch (error) {
      throw error instanceof ApiError ? error : badRequest((error as Error).message);
    }
  };
  return [
    { method: 'POST', path: '/route', handle: ({ body }) => ok(decisionJson(decided(body))) },
    {
      method: 'POST',
      path: '/emergency-check/call',
      handle: async ({ body, who }) => {
        const decision = decided(body);
        if (decision.kind === 'refuse') throw new ApiError(409, decision.code, decision.reason);
        if (!decision.trace.some(({ code }) => code === 'emergency.test-call')) {
          throw badRequest('Only a test code may be called: to must be one of emergency.testNumbers');
        }
        const result = await management.testCall(decision);
        await management.catalogue.note(who, 'test-call', decision.calledNumber, result);
        return ok(result);
      },
    },
  ];
}

function questionOf(body: unknown): RouteQuestion {
  const { connector, source, inbound } = mapOf(body);
  const optional = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    from: textOf(body, 'from'),
    to: textOf(body, 'to'),
    connector: optional(connector),
    source: optional(source),
    inbound: inbound === true,
  };
}

function fraudRoutes(management: Management): Route[] {
  return [
    { method: 'GET', path: '/fraud/holds', handle: () => ok({ items: management.health().fraudHolds }) },
    {
      method: 'POST',
      path: '/fraud/release',
      handle: async ({ body, who }) => {
        const [voiceConnectorId, country] = [textOf(body, 'voiceConnectorId'), textOf(body, 'country')];
        if (!(await management.releaseHold(who, voiceConnectorId, country))) {
          throw notFound(`${country} is not held for ${voiceConnectorId}`);
        }
        return ok({ released: { voiceConnectorId, country } });
      },
    },
  ];
}

function nodeRoutes(management: Management): Route[] {
  return [
    {
      method: 'POST',
      path: '/reload',
      handle: async ({ who }) => {
        const changes = await management.reload(who);
        return ok({ changes });
      },
    },
    {
      method: 'POST',
      path: '/drain',
      handle: async ({ who }) => {
        management.drain();
        await management.catalogue.note(who, 'drain', 'node');
        return ok(management.health());
      },
    },
    {
      method: 'GET',
      path: '/audit',
      handle: async ({ query }) => {
        const before = query.get('before');
        const beforeMs = before !== null && { beforeMs: Number(before) };
        return ok({ items: await management.catalogue.auditLines({ limit: limitOf(query, 1000), ...beforeMs }) });
      },
    },
  ];
}
