import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, SipTransport } from '../../scenario/sip/scenario.js';
import { Script } from '../../scenario/sip/script.js';
import {
  CARRIER_ADDRESS,
  type CallRecord,
  CONNECTOR,
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { freePort, freePorts } from '../../support/ports.js';
import { eventually } from '../../support/program.js';
import { runCaller, type SippResult, startAnswerer } from '../../support/sipp.js';
import { MessageLog } from './message-log.js';
import { type Certificates, makeCertificates, type Tunnel, tunnelIntoTls, tunnelOutOfTls } from './tls-tunnel.js';

/**
 * One gateway for many scenarios: each scenario on each transport has a called number and a carrier of its own, so that
 * they may run side by side.
 *
 *     outbound: SIPp caller ──► gateway ──► carrier of the called number: SIPp answerer
 *     inbound:  SIPp caller (a carrier) ──► gateway ──► route of the number's connector: SIPp answerer
 */

export interface Played {
  readonly caller: MessageLog;
  readonly answerer: MessageLog;
  readonly record: CallRecord;
}

export type CallDirection = 'outbound' | 'inbound';

export interface Play {
  readonly scenario: Scenario;
  /** Inbound calls are played over UDP and TCP only. */
  readonly transport: SipTransport;
  readonly direction: CallDirection;
}

/** A scenario on a transport, and where its answerer is. */
interface Slot extends Play {
  readonly called: string;
  /** Port the gateway sends to. */
  readonly port: number;
}

const slotName = ({ scenario, transport, direction }: Play): string => `${scenario.name} ${transport} ${direction}`;

export class Stage {
  readonly gateway: GatewayUnderTest;
  readonly #ports: Readonly<Record<SipTransport, number>>;
  readonly #certificates: Certificates;
  readonly #slots: ReadonlyMap<string, Slot>;

  private constructor(
    gateway: GatewayUnderTest,
    ports: Record<SipTransport, number>,
    certificates: Certificates,
    slots: ReadonlyMap<string, Slot>,
  ) {
    this.gateway = gateway;
    this.#ports = ports;
    this.#certificates = certificates;
    this.#slots = slots;
  }

  /** Starts the gateway with a carrier for each scenario on each transport. */
  static async start(plays: readonly Play[], settings: object = {}): Promise<Stage> {
    const certificates = makeCertificates();
    const slots = new Map<string, Slot>();
    for (const [index, play] of plays.entries()) {
      const called = `+1202555${String(1000 + index)}`;
      slots.set(slotName(play), { ...play, called, port: await freePort() });
    }
    const outbound = [...slots.values()].filter(({ direction }) => direction === 'outbound');
    const inbound = [...slots.values()].filter(({ direction }) => direction === 'inbound');
    const sipPort = await freePorts(2);
    const ports = { UDP: sipPort, TCP: sipPort, TLS: sipPort + 1 };
    const { ca, certificate, key } = certificates;
    const gateway = await startGateway(
      {
        ...settings,
        sip: {
          listen: [`udp://127.0.0.1:${sipPort}`, `tcp://127.0.0.1:${sipPort}`, `tls://127.0.0.1:${sipPort + 1}`],
          tls: { ca, certificate, key },
          health: { enabled: false },
          ...('sip' in settings ? (settings.sip as object) : {}),
        },
        carriers: [...outbound.map(carrierOf), carrier([9], { prefixes: ['+999'] })],
        voiceConnectors: [connector(), ...inbound.map(connectorOf)],
      },
      { keep: true, mediaPorts: 4 * slots.size + 8 },
    );
    return new Stage(gateway, ports, certificates, slots);
  }

  /** Plays a scenario and judges what is the same for all: SIPp's verdicts, and the record. */
  async play(play: Play): Promise<void> {
    const { scenario, direction } = play;
    const played = await this.#run(this.#slots.get(slotName(play))!);
    expect(played.record, ladders(played)).toMatchObject(
      direction === 'inbound' ? mirrored(scenario.record) : scenario.record,
    );
    scenario.check?.(played);
  }

  async #run(slot: Slot): Promise<Played> {
    const { scenario, transport, called, direction } = slot;
    const address = direction === 'inbound' ? CARRIER_ADDRESS : '127.0.0.1';
    const tunnels: Tunnel[] = [];
    const answererPort = transport === 'TLS' ? await freePort() : slot.port;
    if (transport === 'TLS') tunnels.push(await tunnelOutOfTls(slot.port, answererPort, this.#certificates));
    const callerTarget = transport === 'TLS' ? await freePort() : this.#ports[transport];
    if (transport === 'TLS') tunnels.push(await tunnelIntoTls(callerTarget, this.#ports.TLS, this.#certificates));
    const callerPort = await freePort();
    const host = `${CONNECTOR}.voiceconnector.localhost`;
    const place = { via: transport, host, called, caller: direction === 'inbound' ? FAR_NUMBER : OUR_NUMBER };
    const caller = new Script({ ...place, role: 'caller', contact: `${address}:${callerPort}` });
    const answerer = new Script({ ...place, role: 'answerer', contact: `127.0.0.1:${slot.port}` });
    scenario.caller(caller);
    scenario.answerer(answerer);
    const over = transport === 'UDP' ? ('udp' as const) : ('tcp' as const);
    const answererSide = await this.#side(answerer, over);
    const callerSide = await this.#side(caller, over);
    const answering = await startAnswerer({ ...answererSide, port: answererPort });
    const calling = await runCaller({
      ...callerSide,
      address,
      port: callerPort,
      target: `127.0.0.1:${callerTarget}`,
      calls: 1,
      callsPerSecond: 1,
      limitMs: scenario.limitMs ?? 25_000,
      waitMs: scenario.limitMs ?? 25_000,
    });
    const answered = await answering.stop().catch((error: Error) => ({ ...NOTHING, errors: error.message }));
    for (const tunnel of tunnels) tunnel.close();
    const logs = { caller: logOf(callerSide.directory), answerer: logOf(answererSide.directory) };
    const told = `${calling.errors}\n${answered.errors}\n${ladders(logs)}\n${this.gateway.tail(10)}`;
    expect(verdict(calling), `caller\n${told}`).toEqual({ successful: 1, failed: 0 });
    expect(verdict(answered), `answerer\n${told}`).toEqual({ successful: scenario.answeredCalls ?? 1, failed: 0 });
    return { ...logs, record: await this.#recordOf(called) };
  }

  /** What SIPp runs with on either side. */
  async #side(script: Script, transport: 'udp' | 'tcp') {
    return {
      scenario: { xml: script.xml(script.place.role) },
      directory: mkdtempSync(join(this.gateway.dataDir, script.place.role)),
      transport,
      more: ['-trace_msg', '-message_file', 'messages.log'],
    };
  }

  #recordOf(called: string): Promise<CallRecord> {
    return eventually(`the record of the call to ${called}`, () =>
      this.gateway.records().find((record) => record.DestinationPhoneNumber === called),
    );
  }
}

const carrierOf = ({ scenario, transport, called, port }: Slot, index: number) =>
  carrier([], {
    name: `to-${called.slice(1)}`,
    hosts: [{ host: '127.0.0.1', port, protocol: transport }],
    prefixes: [called],
    sources: [`127.0.1.${index + 1}/32`],
    ...scenario.carrier,
  });

/** The connector that an inbound call is for, with one route. */
const connectorOf = ({ called, port, transport }: Slot, index: number) =>
  connector({
    id: CONNECTOR.slice(0, -3) + String(100 + index),
    name: `Inbound ${index}`,
    termination: { cidrAllowedList: [] },
    phoneNumbers: [called],
    origination: { routes: [{ host: '127.0.0.1', port, protocol: transport }] },
  });

/** The sides of a call from the other direction. */
function mirrored(record: Scenario['record']): Scenario['record'] {
  const { HangupSide, ...rest } = (record.Trunkline ?? {}) as { readonly HangupSide?: string };
  const other = { customer: 'remote', remote: 'customer' }[HangupSide ?? ''] ?? HangupSide;
  return {
    ...record,
    Direction: 'Inbound',
    Trunkline: { ...rest, ...(other === undefined ? {} : { HangupSide: other }) },
  };
}

const logOf = (directory: string): MessageLog => new MessageLog(join(directory, 'messages.log'));

/** A side that did not come to its end. */
const NOTHING = { successful: 0, failed: 0 };

const verdict = ({ successful, failed }: Pick<SippResult, 'successful' | 'failed'>) => ({ successful, failed });

const ladders = ({ caller, answerer }: Pick<Played, 'caller' | 'answerer'>): string =>
  `caller:\n${caller.ladder()}\nanswerer:\n${answerer.ladder()}`;
