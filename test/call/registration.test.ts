import { describe, expect, it } from 'vitest';
import { type NodeEvent, Registrar } from '../../src/call/index.js';
import { type CarrierConfig, checkConfig } from '../../src/config/index.js';
import { GatewayError, SeededRandom, VirtualTime } from '../../src/core/index.js';
import type { SignalingEngine, SipResponse } from '../../src/sip/index.js';

interface Order {
  readonly requestUri: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly callId?: string;
  readonly sequence?: number;
  readonly contact?: object;
  readonly from: string;
}
type Answer = Partial<Record<'Expires' | 'Contact' | 'Min-Expires', string>> & { status: number | 'silent' };

function carriers(more: object = {}): readonly CarrierConfig[] {
  const hosts = [
    { host: '192.0.2.1', priority: 1 },
    { host: '192.0.2.2', port: 5070, protocol: 'TCP', priority: 2 },
  ];
  const credentials = { username: 'trunk', password: 'p' };
  const outcome = checkConfig({ carriers: [{ name: 'main', hosts, credentials, registration: true, ...more }] });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.config.carriers;
}

function scene(answer: (order: Order) => Answer) {
  const time = new VirtualTime();
  const orders: { readonly atMs: number; readonly order: Order }[] = [];
  const events: NodeEvent[] = [];
  const startMs = time.nowMs();
  const signaling = {
    request(order: Order, done: (outcome: SipResponse | GatewayError) => void) {
      orders.push({ atMs: time.nowMs() - startMs, order });
      const { status, ...headers } = answer(order);
      const rows = new Map(Object.entries(headers));
      const outcome =
        status === 'silent'
          ? new GatewayError('sip.timeout', 'no answer', { origin: 'remote' })
          : ({ status, reason: 'Status', headers: rows } as unknown as SipResponse);
      time.after(10, () => done(outcome));
    },
  } as unknown as SignalingEngine;
  const registrar = new Registrar({
    signaling,
    scheduler: time,
    random: new SeededRandom(3),
    connectTimeoutMs: 2000,
    announce: (event) => void events.push(event),
  });
  return { time, orders, events, registrar };
}

const expires = ({ order }: { order: Order }) => order.headers.find(([name]) => name === 'Expires')?.[1];

describe('registration with a carrier', () => {
  it('is refreshed before half of the granted time is over, with one Call-ID and rising CSeq', () => {
    const { time, orders, events, registrar } = scene(() => ({ status: 200, Contact: '<sip:x@y>;expires=100' }));
    registrar.configure(carriers());
    time.advance(150_000);
    expect(orders[0]!.order).toMatchObject({ requestUri: 'sip:192.0.2.1', from: '<sip:trunk@192.0.2.1>' });
    expect(orders[0]!.order.contact).toEqual({ user: 'trunk', params: ';expires=3600' });
    const gaps = orders.slice(1).map(({ atMs }, at) => atMs - orders[at]!.atMs);
    for (const gap of gaps) expect(gap).toSatisfy((ms: number) => ms >= 45_000 && ms <= 50_010);
    expect(new Set(orders.map(({ order }) => order.callId)).size).toBe(1);
    expect(orders.map(({ order }) => order.sequence)).toEqual(orders.map((_, at) => 4 * at + 4));
    expect(registrar.views()).toEqual([
      { carrier: 'main', state: 'registered', host: '192.0.2.1', reason: '', expiresSeconds: 100 },
    ]);
    expect(events.map(({ kind }) => kind)).toEqual(['registered']);
  });

  it('goes to the next host at once, and after a failed round waits longer each time', () => {
    const { time, orders, events, registrar } = scene(() => ({ status: 'silent' }));
    registrar.configure(carriers());
    time.advance(200_000);
    expect(orders.map(({ order }) => order.requestUri).slice(0, 2)).toEqual([
      'sip:192.0.2.1',
      'sip:192.0.2.2:5070;transport=tcp',
    ]);
    expect(orders.map(({ atMs }) => Math.round(atMs / 1000))).toEqual([0, 0, 30, 30, 90, 90]);
    expect(registrar.views()[0]).toMatchObject({ state: 'failed', reason: 'sip.timeout' });
    expect(events.map(({ kind }) => kind)).toEqual(['registration-failed']);
  });

  it('takes the Min-Expires of a 423', () => {
    const { time, orders, registrar } = scene((order) =>
      expires({ order }) === '60' ? { status: 423, 'Min-Expires': '1800' } : { status: 200, Expires: '1800' },
    );
    registrar.configure(carriers({ registrationSeconds: 60 }));
    time.advance(1000);
    expect(orders.map(expires)).toEqual(['60', '1800']);
    expect(registrar.views()[0]?.state).toBe('registered');
  });

  it('follows a 423 once: a carrier that raises its Min-Expires each time is one that refuses', () => {
    let least = 1000;
    const { time, orders, events, registrar } = scene(() => ({ status: 423, 'Min-Expires': String(least++) }));
    registrar.configure(carriers({ registrationSeconds: 60 }));
    time.advance(5000);
    expect(orders.map(expires)).toEqual(['60', '1000', '1000', '1002']);
    expect(events).toEqual([{ kind: 'registration-failed', carrier: 'main', reason: '423', wire: 'Status' }]);
    expect(registrar.views()[0]).toMatchObject({ state: 'failed', reason: '423 Status' });
  });

  it('is refreshed as it was asked for where the carrier grants more', () => {
    const { time, orders, registrar } = scene(() => ({ status: 200, Expires: '99999999999' }));
    registrar.configure(carriers());
    time.advance(1_790_000);
    expect(orders.length).toBe(2);
    expect(registrar.views()[0]).toMatchObject({ state: 'registered', expiresSeconds: 3600 });
  });

  it('is taken back at the end, and when the carrier goes', async () => {
    const { time, orders, registrar } = scene(() => ({ status: 200, Expires: '100' }));
    registrar.configure(carriers());
    time.advance(1000);
    const stopped = registrar.stop();
    time.advance(1000);
    await stopped;
    expect(orders.map(expires)).toEqual(['3600', '0']);
    expect(registrar.views()).toEqual([]);
    time.advance(200_000);
    expect(orders).toHaveLength(2);
  });

  it('stays as it is through a reload that does not concern it, and is made anew where it does', () => {
    const { time, orders, registrar } = scene(() => ({ status: 200, Expires: '1000' }));
    registrar.configure(carriers());
    time.advance(1000);
    registrar.configure(carriers({ maxCalls: 3 }));
    time.advance(1000);
    expect(orders).toHaveLength(1);
    registrar.configure(carriers({ registrationSeconds: 600 }));
    time.advance(1000);
    expect(orders.map(expires)).toEqual(['3600', '0', '600']);
    registrar.configure(carriers({ disabled: true }));
    time.advance(1000);
    expect(orders.map(expires)).toEqual(['3600', '0', '600', '0']);
  });
});
