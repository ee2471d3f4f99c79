import { checkResource, type VoiceConnectorConfig } from '../../config/index.js';
import { uuid } from '../../core/index.js';
import {
  assignNumber,
  type ConnectorEntry,
  deleteNumber,
  type Edit,
  type Entries,
  orderNumbers,
  ResourceError,
  type ResourceKind,
  restoreNumber,
  shown,
  withoutPasswords,
} from '../../store/index.js';
import { type ApiAnswer, type ApiRequest, badRequest, mapOf, ok, type Route, textOf } from './http.js';
import type { Management } from './management.js';

/** Resources over the API: the file's notation in and out, passwords in only. */

export function resourceRoutes(management: Management): Route[] {
  return [
    ...carrierRoutes(management),
    ...connectorRoutes(management),
    ...groupRoutes(management),
    ...numberRoutes(management),
    ...sessionRoutes(management),
    ...settingRoutes(management),
  ];
}

function view(management: Management, kind: ResourceKind, id: string): object {
  const { catalogue } = management;
  const entry = catalogue.get(kind, id);
  if (entry === undefined) throw new ResourceError('not-found', `There is no ${kind} ${id}`);
  const declaredIn = catalogue.ownerOf(kind, id);
  const plain = shown(kind, entry);
  const numbers = kind === 'voice-connector' && { phoneNumbers: numbersOf(management, id) };
  return {
    ...(kind === 'setting' ? { value: plain } : (plain as object)),
    ...numbers,
    ...(declaredIn && { declaredIn }),
  };
}

const numbersOf = ({ catalogue }: Management, id: string): readonly string[] =>
  catalogue.effective.voiceConnectors.find((connector) => connector.id === id)?.phoneNumbers ?? [];

/** GET of all and one, and DELETE: the same for every kind. */
function common(management: Management, kind: ResourceKind, path: string): Route[] {
  const { catalogue } = management;
  return [
    {
      method: 'GET',
      path,
      handle: () => ok({ items: catalogue.list(kind).map(({ id }) => view(management, kind, id)) }),
    },
    { method: 'GET', path: `${path}/:id`, handle: ({ params }) => ok(view(management, kind, params.id!)) },
    {
      method: 'DELETE',
      path: `${path}/:id`,
      handle: async ({ params, who }) => {
        await catalogue.change(who, [{ kind, id: params.id!, entry: undefined }]);
        return ok({ deleted: params.id });
      },
    },
  ];
}

async function put(management: Management, who: string, edit: Edit): Promise<ApiAnswer> {
  const existed = management.catalogue.get(edit.kind, edit.id) !== undefined;
  await management.catalogue.change(who, [edit]);
  return { status: existed ? 200 : 201, body: view(management, edit.kind, edit.id) };
}

function checked<Kind extends 'carrier' | 'voice-connector' | 'voice-connector-group'>(kind: Kind, value: unknown) {
  const outcome = checkResource(kind, value);
  if (outcome.ok) return outcome.value;
  const told = outcome.faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new ResourceError('invalid', told, outcome.faults);
}

function carrierRoutes(management: Management): Route[] {
  const save = ({ body, who }: ApiRequest, name: unknown) => {
    const entry = checked('carrier', { ...withKeptPassword(management, mapOf(body), name), name });
    return put(management, who, { kind: 'carrier', id: entry.name, entry });
  };
  return [
    ...common(management, 'carrier', '/carriers'),
    {
      method: 'POST',
      path: '/carriers',
      handle: (request) => save(request, fresh(management, 'carrier', textOf(request.body, 'name'))),
    },
    { method: 'PUT', path: '/carriers/:id', handle: (request) => save(request, request.params.id) },
  ];
}

/** A body without a password keeps the one that is stored: answers do not show it, so what was read can be put back. */
function withKeptPassword({ catalogue }: Management, body: Record<string, unknown>, name: unknown): object {
  const known = catalogue.get('carrier', String(name))?.credentials;
  const given = body.credentials as { username?: unknown; password?: unknown } | undefined;
  if (!known || given?.username !== known.username || given.password !== undefined) return body;
  return { ...body, credentials: known };
}

function fresh({ catalogue }: Management, kind: ResourceKind, id: string): string {
  if (catalogue.get(kind, id) !== undefined) throw new ResourceError('conflict', `There is a ${kind} ${id} already`);
  return id;
}

const SECTIONS = ['termination', 'origination', 'logging', 'streaming', 'emergency', 'tags'];

function connectorRoutes(management: Management): Route[] {
  const { catalogue } = management;
  const path = '/voice-connectors';
  const edited = (id: string): ConnectorEntry => {
    const entry = catalogue.get('voice-connector', id);
    if (!entry) throw new ResourceError('not-found', `There is no voice-connector ${id}`);
    return entry;
  };
  /** `users` of the body's credentials, or those that were there where the body says nothing of them. */
  const save = (who: string, id: string, value: Record<string, unknown>, before: ConnectorEntry | undefined) => {
    const { phoneNumbers, declaredIn: _, ...rest } = value;
    if (phoneNumbers !== undefined) throw badRequest('phoneNumbers are assigned at /phone-numbers/{number}/assignment');
    const connector = { ...checked('voice-connector', { ...rest, id }), id } as VoiceConnectorConfig;
    const made = withoutPasswords(connector, management.makeDigests);
    const says = (value.termination as { credentials?: unknown } | undefined)?.credentials !== undefined;
    const users = says || !before || !connector.termination ? made.users : before.users;
    return put(management, who, { kind: 'voice-connector', id, entry: { ...made, users } });
  };
  const plain = (entry: ConnectorEntry) => {
    const { termination, ...rest } = shown('voice-connector', entry) as Record<string, unknown>;
    const { credentials: _, ...bare } = (termination ?? {}) as Record<string, unknown>;
    return termination === undefined ? rest : { ...rest, termination: bare };
  };
  const sections = SECTIONS.flatMap((section): Route[] => [
    {
      method: 'GET',
      path: `${path}/:id/${section}`,
      handle: ({ params }) => {
        const value = (view(management, 'voice-connector', params.id!) as Record<string, unknown>)[section];
        if (value === undefined) throw new ResourceError('not-found', `${params.id} has no ${section}`);
        return ok(value);
      },
    },
    {
      method: 'PUT',
      path: `${path}/:id/${section}`,
      handle: ({ params, body, who }) => {
        const before = edited(params.id!);
        return save(who, params.id!, { ...plain(before), [section]: mapOf(body) }, before);
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:id/${section}`,
      handle: ({ params, who }) => {
        const before = edited(params.id!);
        return save(who, params.id!, { ...plain(before), [section]: undefined }, before);
      },
    },
  ]);
  const credentials = (who: string, id: string, rows: unknown) => {
    const before = edited(id);
    const { termination, ...rest } = plain(before);
    if (termination === undefined) throw new ResourceError('conflict', `${id} has no termination to log in to`);
    return save(who, id, { ...rest, termination: { ...(termination as object), credentials: rows } }, before);
  };
  return [
    ...common(management, 'voice-connector', path).filter(({ method }) => method !== 'DELETE'),
    {
      method: 'POST',
      path,
      handle: ({ body, who }) => save(who, management.newConnectorId(), mapOf(body), undefined),
    },
    {
      method: 'PUT',
      path: `${path}/:id`,
      handle: ({ params, body, who }) =>
        save(who, params.id!, mapOf(body), catalogue.get('voice-connector', params.id!)),
    },
    {
      method: 'DELETE',
      path: `${path}/:id`,
      handle: async ({ params, who }) => {
        const numbers = numbersOf(management, params.id!);
        if (numbers.length > 0) {
          throw new ResourceError(
            'conflict',
            `${params.id} has phone numbers: take them back first (${numbers[0]}, …)`,
          );
        }
        await catalogue.change(who, [{ kind: 'voice-connector', id: params.id!, entry: undefined }]);
        return ok({ deleted: params.id });
      },
    },
    ...sections,
    {
      method: 'GET',
      path: `${path}/:id/termination/credentials`,
      handle: ({ params }) => ok({ usernames: Object.keys(edited(params.id!).users) }),
    },
    {
      method: 'PUT',
      path: `${path}/:id/termination/credentials`,
      handle: ({ params, body, who }) => credentials(who, params.id!, mapOf(body).credentials),
    },
    {
      method: 'DELETE',
      path: `${path}/:id/termination/credentials`,
      handle: ({ params, who }) => credentials(who, params.id!, []),
    },
  ];
}

function groupRoutes(management: Management): Route[] {
  const path = '/voice-connector-groups';
  const save = ({ body, who }: ApiRequest, id: string) => {
    const { id: _, declaredIn: __, ...rest } = mapOf(body);
    const { name, items, callDistributionType } = checked('voice-connector-group', rest);
    const entry: Entries['voice-connector-group'] = { id, name, items, callDistributionType };
    return put(management, who, { kind: 'voice-connector-group', id, entry });
  };
  return [
    ...common(management, 'voice-connector-group', path),
    { method: 'POST', path, handle: (request) => save(request, management.newConnectorId()) },
    { method: 'PUT', path: `${path}/:id`, handle: (request) => save(request, request.params.id!) },
  ];
}

function numberRoutes(management: Management): Route[] {
  const { catalogue } = management;
  const path = '/phone-numbers';
  const after = (e164: string) => ok(view(management, 'phone-number', e164));
  return [
    ...common(management, 'phone-number', path).filter(({ method }) => method === 'GET'),
    ...common(management, 'phone-number-order', '/phone-number-orders').filter(({ method }) => method === 'GET'),
    {
      method: 'POST',
      path: '/phone-number-orders',
      handle: async ({ body, who }) => {
        const e164s = mapOf(body).e164PhoneNumbers;
        if (!Array.isArray(e164s) || e164s.length === 0 || !e164s.every(isE164)) {
          throw badRequest('e164PhoneNumbers must list E.164 numbers, such as "+12065550100"');
        }
        const id = uuid(management.random);
        return { status: 201, body: await orderNumbers(catalogue, who, { id, e164s, nowMs: management.wallMs() }) };
      },
    },
    {
      method: 'PUT',
      path: `${path}/:id`,
      handle: async ({ params, body, who }) => {
        const known = catalogue.get('phone-number', params.id!);
        if (!known) throw new ResourceError('not-found', `There is no phone-number ${params.id}`);
        const { callingName, name } = mapOf(body);
        const outcome = checkResource('phone-number', { e164: known.e164, callingName, name });
        if (!outcome.ok)
          throw new ResourceError('invalid', outcome.faults.map(({ message }) => message).join('; '), outcome.faults);
        const entry = { ...known, callingName: outcome.value.callingName, name: outcome.value.name };
        await catalogue.change(who, [{ kind: 'phone-number', id: known.e164, entry }]);
        return after(known.e164);
      },
    },
    {
      method: 'PUT',
      path: `${path}/:id/assignment`,
      handle: async ({ params, body, who }) => {
        const { voiceConnectorId, voiceConnectorGroupId } = mapOf(body);
        if ((typeof voiceConnectorId === 'string') === (typeof voiceConnectorGroupId === 'string')) {
          throw badRequest('The body must hold voiceConnectorId or voiceConnectorGroupId');
        }
        const to =
          typeof voiceConnectorId === 'string'
            ? { voiceConnectorId }
            : { voiceConnectorGroupId: String(voiceConnectorGroupId) };
        await assignNumber(catalogue, who, params.id!, to);
        return after(params.id!);
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:id/assignment`,
      handle: async ({ params, who }) => {
        await assignNumber(catalogue, who, params.id!, undefined);
        return after(params.id!);
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:id`,
      handle: async ({ params, who }) => {
        await deleteNumber(catalogue, who, params.id!, management.wallMs());
        return after(params.id!);
      },
    },
    {
      method: 'POST',
      path: `${path}/:id/restore`,
      handle: async ({ params, who }) => {
        await restoreNumber(catalogue, who, params.id!, management.wallMs());
        return after(params.id!);
      },
    },
  ];
}

const isE164 = (value: unknown): value is string => typeof value === 'string' && /^\+[1-9]\d{1,14}$/.test(value);

function sessionRoutes(management: Management): Route[] {
  const path = '/proxy-sessions';
  return [
    ...common(management, 'proxy-session', path),
    {
      method: 'POST',
      path,
      handle: ({ body, who }) => {
        const entry = proxySession(management, uuid(management.random), mapOf(body));
        return put(management, who, { kind: 'proxy-session', id: entry.id, entry });
      },
    },
  ];
}

/** Participants without a proxy number get one of the connector's numbers that neither of them uses already. */
function proxySession(management: Management, id: string, body: Record<string, unknown>): Entries['proxy-session'] {
  const { voiceConnectorId, participants, expiryMinutes } = body;
  if (typeof voiceConnectorId !== 'string' || !management.catalogue.get('voice-connector', voiceConnectorId)) {
    throw badRequest('voiceConnectorId must be the id of a Voice Connector');
  }
  if (
    !Array.isArray(participants) ||
    participants.length !== 2 ||
    !participants.every((one) => isE164(one?.phoneNumber))
  ) {
    throw badRequest('participants must be two, each with phoneNumber');
  }
  const people = participants.map(({ phoneNumber }) => phoneNumber as string);
  const busy = new Set(
    management.catalogue
      .list('proxy-session')
      .flatMap(({ entry }) => entry.participants)
      .filter(({ phoneNumber }) => people.includes(phoneNumber))
      .map(({ proxyPhoneNumber }) => proxyPhoneNumber),
  );
  const drawn = numbersOf(management, voiceConnectorId).find((number) => !busy.has(number));
  const proxied = participants.map(({ phoneNumber, proxyPhoneNumber }) => {
    const proxy: unknown = proxyPhoneNumber ?? drawn;
    if (!isE164(proxy))
      throw new ResourceError('conflict', 'No number of the Voice Connector is free for this session');
    return { phoneNumber: phoneNumber as string, proxyPhoneNumber: proxy };
  });
  const minutes = expiryMinutes === undefined ? undefined : Number(expiryMinutes);
  if (minutes !== undefined && !(minutes > 0)) throw badRequest('expiryMinutes must be a number above 0');
  const expiry = minutes !== undefined && { expiresAtMs: management.wallMs() + minutes * 60_000 };
  return { id, voiceConnectorId, participants: [proxied[0]!, proxied[1]!], ...expiry };
}

function settingRoutes(management: Management): Route[] {
  return [
    ...common(management, 'setting', '/settings'),
    {
      method: 'PUT',
      path: '/settings/:id',
      handle: ({ params, body, who }) => put(management, who, { kind: 'setting', id: params.id!, entry: body ?? null }),
    },
  ];
}
