import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, SipTransport } from '../../scenario/sip/scenario.js';
import { Script } from '../../scenario/sip/script.js';
import {
  type CallRecord,
  CONNECTOR,
  carrier,
  connector,
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
 *     SIPp caller ──► gateway ──► carrier of the called number: SIPp answerer
 */

export interface Played {
  readonly caller: MessageLog;
  readonly answerer: MessageLog;
  readonly record: CallRecord;
}

export interface Play {
  readonly scenario: Scenario;
  readonly transport: SipTransport;
}

/** A scenario on a transport, and where its answerer is. */
interface Slot extends Play {
  readonly called: string;
  /** Port the gateway sends to. */
  readonly port: number;
}

const slotName = (scenario: Scenario, transport: SipTransport): string => `${scenario.name} ${transport}`;

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
    for (const [index, { scenario, transport }] of plays.entries()) {
      const called = `+1202555${String(1000 + index)}`;
      slots.set(slotName(scenario, transport), { scenario, transport, called, port: await freePort() });
    }
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
        carriers: [...slots.values()].map(carrierOf),
        voiceConnectors: [connector()],
      },
      { keep: true, mediaPorts: 4 * slots.size + 8 },
    );
    return new Stage(gateway, ports, certificates, slots);
  }

  /** Plays a scenario and judges what is the same for all: SIPp's verdicts, and the record. */
  async play(scenario: Scenario, transport: SipTransport): Promise<void> {
    const played = await this.#run(this.#slots.get(slotName(scenario, transport))!);
    expect(played.record, ladders(played)).toMatchObject(scenario.record);
    scenario.check?.(played);
  }

  async #run(slot: Slot): Promise<Played> {
    const { scenario, transport, called } = slot;
    const tunnels: Tunnel[] = [];
    const answererPort = transport === 'TLS' ? await freePort() : slot.port;
    if (transport === 'TLS') tunnels.push(await tunnelOutOfTls(slot.port, answererPort, this.#certificates));
    const callerTarget = transport === 'TLS' ? await freePort() : this.#ports[transport];
    if (transport === 'TLS') tunnels.push(await tunnelIntoTls(callerTarget, this.#ports.TLS, this.#certificates));
    const callerPort = await freePort();
    const place = { via: transport, host: `${CONNECTOR}.voiceconnector.localhost`, called, caller: OUR_NUMBER };
    const caller = new Script({ ...place, role: 'caller', contact: `127.0.0.1:${callerPort}` });
    const answerer = new Script({ ...place, role: 'answerer', contact: `127.0.0.1:${slot.port}` });
    scenario.caller(caller);
    scenario.answerer(answerer);
    const over = transport === 'UDP' ? ('udp' as const) : ('tcp' as const);
    const answererSide = await this.#side(answerer, over);
    const callerSide = await this.#side(caller, over);
    const answering = await startAnswerer({ ...answererSide, port: answererPort });
    const calling = await runCaller({
      ...callerSide,
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

const logOf = (directory: string): MessageLog => new MessageLog(join(directory, 'messages.log'));

/** A side that did not come to its end. */
const NOTHING = { successful: 0, failed: 0 };

const verdict = ({ successful, failed }: Pick<SippResult, 'successful' | 'failed'>) => ({ successful, failed });

const ladders = ({ caller, answerer }: Pick<Played, 'caller' | 'answerer'>): string =>
  `caller:\n${caller.ladder()}\nanswerer:\n${answerer.ladder()}`;
