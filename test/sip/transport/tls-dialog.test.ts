import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Counters, SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { SipCore } from '../../../src/sip/engine/index.js';
import type { Dialog, DialogHandler } from '../../../src/sip/signaling.js';
import { parseListener, SipLocator, SipTransports } from '../../../src/sip/transport/index.js';
import { type Authority, hasOpenssl, makeCertificates, removeCertificates } from './certificates.js';

/** A carrier's certificate names its host, while its Contact and Record-Route show an address: the usual case. */

let authority: Authority;
const running: SipTransports[] = [];

beforeAll(() => {
  if (hasOpenssl) authority = makeCertificates('carrier.example', '--ip', '192.0.2.1');
}, 30_000);
afterAll(removeCertificates);
afterEach(async () => {
  await Promise.all(running.splice(0).map((transports) => transports.stop()));
});

interface Node {
  readonly core: SipCore;
  readonly transports: SipTransports;
  readonly log: string[];
  dialog: Dialog | undefined;
}

async function startNode(seed: number): Promise<Node> {
  const scheduler = systemScheduler;
  const logger = silentLogger;
  const counters = new Counters();
  const random = new SeededRandom(seed);
  const transports = new SipTransports({
    listeners: ['tls://127.0.0.1:0', 'udp://127.0.0.1:0'].map(parseListener),
    tls: { certificates: [{ certificate: authority.certificate, key: authority.key }], ca: authority.ca },
    scheduler,
    logger,
    counters,
  });
  const none = async () => [];
  const dns = {
    a: async (name: string) => (name === 'sip.carrier.example' ? [{ address: '127.0.0.1', ttlSeconds: 60 }] : []),
    aaaa: none,
    srv: async () => ({ records: [] }),
    naptr: async () => ({ records: [] }),
    lookup: none,
  };
  const locator = new SipLocator({ transports, dns, scheduler, random, logger, counters });
  const core = new SipCore({ wire: transports, locator, scheduler, random, logger, counters });
  await transports.start(core);
  running.push(transports);
  const node: Node = { core, transports, log: [], dialog: undefined };
  core.handler = {
    onInvite: (leg) => {
      leg.handler = {
        onCancel: () => {},
        onAck: () => node.log.push('ACK'),
        onAckTimeout: () => {},
        onPrack: () => {},
        onPrackTimeout: () => {},
        onTransportError: () => {},
      };
      leg.dialog.handler = handlerOf(node);
      node.dialog = leg.accept({ body });
    },
    onRequest: (request) => request.respond(200),
  };
  return node;
}

const body = { contentType: 'application/sdp', bytes: Buffer.from('v=0') };

const handlerOf = (node: Node): DialogHandler => ({
  onBye: (request) => node.log.push(`BYE ${request.requestUri}`),
  onReinvite: (request) => request.respond(488),
  onAck: () => {},
  onRequest: (request) => request.respond(200),
  onSessionExpired: () => {},
  onDialogFailed: (error) => node.log.push(error.code),
});

describe.skipIf(!hasOpenssl)('a dialog over TLS with a peer whose certificate bears its name only', () => {
  it('is acknowledged and ended from either side though its Contact is an address', async () => {
    for (const byCallee of [false, true]) {
      const ours = await startNode(1);
      const carrier = await startNode(2);
      const port = carrier.transports.listeners()[0]!.port;
      const failures: string[] = [];
      ours.core.invite({
        requestUri: `sip:+12025550100@sip.carrier.example:${port};transport=tls`,
        nextHop: { host: 'sip.carrier.example', port, transport: 'tls', secure: true },
        from: '<sip:+12065550100@trunk.example>',
        to: '<sip:+12025550100@sip.carrier.example>',
        headers: [],
        body,
        noResponseTimeoutMs: 2500,
        connectTimeoutMs: 2000,
        reliableProvisional: 'off',
        handler: {
          onSent: () => {},
          onProvisional: () => {},
          onAnswered: (_response, dialog) => {
            ours.dialog = dialog;
            dialog.handler = handlerOf(ours);
            dialog.ack();
          },
          onRejected: (response) => failures.push(String(response.status)),
          onFailed: (error) => failures.push(error.message),
        },
      });
      await expect.poll(() => [...failures, ...carrier.log], { timeout: 3000 }).toEqual(['ACK']);
      const [ends, hears] = byCallee ? [carrier, ours] : [ours, carrier];
      ends.dialog!.bye();
      await expect.poll(() => hears.log.at(-1), { timeout: 3000 }).toMatch(/^BYE sip:127\.0\.0\.1/);
    }
  });
});
