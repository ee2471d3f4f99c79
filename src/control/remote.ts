import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { CaptureResult } from '../call/index.js';
import { type Difference, formatHttpListener, type GatewayConfig } from '../config/index.js';
import { GatewayError } from '../core/index.js';
import type { TraceStep } from '../routing/index.js';
import type { CallView } from './call-book.js';
import { loadOrExplain, type Output } from './check.js';
import { type Command, UsageError } from './cli.js';

/** The commands that speak to the running gateway, over its API at the address and with the keys of the file. */

type RemoteCommand = Extract<Command, { readonly name: 'reload' | 'drain' | 'calls' | 'call' | 'capture' | 'hold' }>;

/** @returns exit status: 0, 2 for a configuration with faults; @throws GatewayError with the API's own code */
export async function remoteCommand(command: RemoteCommand, output: Output): Promise<number> {
  const config = loadOrExplain(command.config, output);
  if (!config) return 2;
  const answer = await askGateway(config, ...questionFor(command));
  output.out(command.json ? `${JSON.stringify(answer, undefined, 2)}\n` : readable(command, answer));
  return 0;
}

type Question = readonly [method: 'GET' | 'POST', path: string, body?: object];

function questionFor(command: RemoteCommand): Question {
  switch (command.name) {
    case 'reload':
      return ['POST', '/reload'];
    case 'drain':
      return ['POST', '/drain'];
    case 'calls':
      return ['GET', '/calls?limit=1000'];
    case 'call':
      return ['GET', `/calls/${encodeURIComponent(command.id)}`];
    case 'capture': {
      const { transactionId, ...order } = command.capture;
      return ['POST', `/calls/${encodeURIComponent(transactionId)}/capture`, order];
    }
    case 'hold': {
      if (command.hold.kind === 'list') return ['GET', '/fraud/holds'];
      const { voiceConnectorId, country } = command.hold;
      return ['POST', '/fraud/release', { voiceConnectorId, country }];
    }
  }
}

/**
 * Asks the gateway that runs with this configuration.
 * @throws UsageError without address or key; GatewayError `api.*` or `store.*` as the gateway answers
 */
export async function askGateway(config: GatewayConfig, ...[method, path, body]: Question): Promise<unknown> {
  const { listen, accessKeys, certificate } = config.api;
  const key = accessKeys.find(({ role }) => role === 'admin') ?? accessKeys[0];
  if (!listen) throw new UsageError('api.listen is off: there is no gateway to ask');
  if (!key) throw new UsageError('api.accessKeys is empty: the gateway answers nobody');
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  const url = new URL(`${formatHttpListener({ ...listen, host })}/trunkline/v1${path}`);
  const { status, text } = await send(url, {
    method,
    auth: `${key.id}:${key.secret}`,
    // A certificate of the operator's own making is known by being the gateway's.
    ...(listen.protocol === 'https' && certificate && { ca: readFileSync(certificate) }),
    body: body === undefined ? '' : JSON.stringify(body),
  });
  const answer = JSON.parse(text) as { readonly error?: { readonly code: string; readonly message: string } };
  if (status < 300) return answer;
  const { code = 'api.bad-request', message = `The gateway answered ${status}` } = answer.error ?? {};
  throw new GatewayError(code, message, { origin: 'remote' });
}

interface Order {
  readonly method: string;
  readonly auth: string;
  readonly ca?: Buffer;
  readonly body: string;
}

function send(url: URL, { body, ...options }: Order): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.on('error', (cause) => {
      const message = `No gateway answers at ${url.origin} (${cause.message})`;
      reject(new GatewayError('api.unreachable', message, { origin: 'remote', cause }));
    });
    outgoing.end(body);
  });
}

function readable(command: RemoteCommand, answer: unknown): string {
  switch (command.name) {
    case 'reload':
      return reloadText(answer as { changes: readonly Difference[] });
    case 'drain':
      return `draining, ${(answer as { callsActive: number }).callsActive} calls in progress\n`;
    case 'calls':
      return callsText(answer as { items: readonly CallView[] });
    case 'call':
      return callText(answer as CallView);
    case 'capture':
      return captureText(answer as CaptureResult);
    case 'hold':
      return holdText(answer as { items?: readonly { voiceConnectorId: string; country: string }[] });
  }
}

const reloadText = ({ changes }: { changes: readonly Difference[] }): string =>
  changes.length === 0 ? 'nothing changed\n' : changes.map((change) => `${differenceLine(change)}\n`).join('');

/** `changed  voiceConnectors[HQ].termination.cpsLimit  5 -> 9`; what comes or goes whole is told by its path. */
function differenceLine({ change, path, before, after }: Difference): string {
  return change === 'changed'
    ? `${change}  ${path}  ${valueText(before)} -> ${valueText(after)}`
    : `${change}  ${path}`;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

const callsText = ({ items }: { items: readonly CallView[] }): string =>
  items.length === 0 ? 'no calls\n' : items.map((call) => `${callLine(call)}\n`).join('');

const callLine = ({ transactionId, state, direction, from, to, target }: CallView): string =>
  [transactionId, state, direction, `${from} -> ${to}`, target ?? ''].join('  ').trimEnd();

function callText(call: CallView): string {
  const steps = call.trace.map(({ verdict, check, detail, code }: TraceStep) =>
    `  ${verdict}  ${check}  ${detail}${code === undefined ? '' : `  [${code}]`}`.trimEnd(),
  );
  return [
    callLine(call),
    `  ${call.code}${call.sipStatus === undefined ? '' : ` (${call.sipStatus})`}`,
    ...steps,
    '',
  ].join('\n');
}

const captureText = ({ file, packets, bytes, dropped, ended }: CaptureResult): string =>
  `${file}  ${packets} packets, ${bytes} bytes${dropped > 0 ? `, ${dropped} dropped` : ''} (${ended})\n`;

const holdText = ({ items }: { items?: readonly { voiceConnectorId: string; country: string }[] }): string => {
  if (!items) return 'released\n';
  return items.length === 0 ? 'no holds\n' : items.map((one) => `${one.voiceConnectorId}  ${one.country}\n`).join('');
};
