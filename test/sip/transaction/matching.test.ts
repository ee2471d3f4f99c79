import { describe, expect, it } from 'vitest';
import { GatewayError, SeededRandom } from '../../../src/core/index.js';
import { BranchMaker, responseVias, serverKey } from '../../../src/sip/transaction/index.js';
import { Bench, peerRequest } from './support.js';

const via = (rest: string): Record<string, string> => ({ Via: `SIP/2.0/UDP ${rest}` });
const textOf = (bench: Bench, index: number): string => bench.opened[index]!.sent[0]!.bytes.toString();

describe('matching requests to server transactions', () => {
  it('goes by branch, sent-by and method', () => {
    const key = serverKey(peerRequest('OPTIONS'), 'OPTIONS');
    expect(serverKey(peerRequest('OPTIONS', { CSeq: '9 OPTIONS', 'Call-ID': 'other' }), 'OPTIONS')).toBe(key);
    expect(serverKey(peerRequest('INFO'), 'INFO')).not.toBe(key);
    expect(serverKey(peerRequest('OPTIONS', via('192.0.2.2:5061;branch=z9hG4bKpeer1')), 'OPTIONS')).not.toBe(key);
    expect(serverKey(peerRequest('OPTIONS', via('192.0.2.2:5060;branch=z9hG4bKpeer2')), 'OPTIONS')).not.toBe(key);
  });

  it('finds the INVITE for its ACK and its CANCEL', () => {
    const bench = new Bench();
    const invite = bench.server(peerRequest('INVITE'));
    expect(bench.layer.findServer(peerRequest('ACK'))).toBe(invite);
    expect(bench.layer.findServer(peerRequest('CANCEL'))).toBe(invite);
    expect(bench.layer.findServer(peerRequest('BYE'))).toBeUndefined();
  });

  it.each(['192.0.2.2;branch=1', '192.0.2.2', '192.0.2.2;branch=z9hG4bK'])(
    'compares fields for a peer of RFC 2543: %s',
    (old) => {
      const bench = new Bench();
      const invite = bench.server(peerRequest('INVITE', via(old)));
      invite.localTag = 'ours';
      expect(bench.layer.findServer(peerRequest('INVITE', via(old)))).toBe(invite);
      expect(bench.layer.findServer(peerRequest('INVITE', { ...via(old), CSeq: '8 INVITE' }))).toBeUndefined();
      expect(bench.layer.findServer(peerRequest('INVITE', { ...via(old), 'Call-ID': 'x' }))).toBeUndefined();
      expect(
        bench.layer.findServer(peerRequest('INVITE', { ...via(old), From: '<sip:bob@192.0.2.2>;tag=z' })),
      ).toBeUndefined();
      expect(bench.layer.findServer(peerRequest('ACK', { ...via(old), To: '<sip:gw@192.0.2.1>;tag=ours' }))).toBe(
        invite,
      );
      expect(
        bench.layer.findServer(peerRequest('ACK', { ...via(old), To: '<sip:gw@192.0.2.1>;tag=theirs' })),
      ).toBeUndefined();
    },
  );

  it('knows a request that came over two paths', () => {
    const bench = new Bench();
    const first = bench.server(peerRequest('INVITE'));
    const second = bench.server(peerRequest('INVITE', via('192.0.2.3;branch=z9hG4bKother')));
    expect([bench.layer.isMerged(first), bench.layer.isMerged(second)]).toEqual([false, true]);
    const inside = bench.server(
      peerRequest('INVITE', { ...via('192.0.2.3;branch=z9hG4bKthird'), To: '<sip:gw@x>;tag=t' }),
    );
    expect(bench.layer.isMerged(inside)).toBe(false);
    first.forget();
    const third = bench.server(peerRequest('INVITE', via('192.0.2.4;branch=z9hG4bKfourth')));
    expect(bench.layer.isMerged(third)).toBe(false);
  });
});

describe('matching responses to client transactions', () => {
  it('goes by branch and method', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const transaction = bench.client('INVITE', flow);
    const stranger = bench.response(transaction, 200);
    stranger.headers.set('Via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx');
    expect(bench.layer.receiveResponse(stranger, flow)).toBe(false);
    const other = bench.response(transaction, 200);
    other.headers.set('CSeq', '7 CANCEL');
    expect(bench.layer.receiveResponse(other, flow)).toBe(false);
    expect(bench.layer.receiveResponse(bench.response(transaction, 200), flow)).toBe(true);
    expect(transaction.state).toBe('accepted');
  });
});

describe('ACK and CANCEL', () => {
  it('repeat what ties them to their INVITE', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const transaction = bench.client('INVITE', flow);
    const cancel = transaction.buildCancel([['Reason', 'SIP;cause=200']])!;
    expect(cancel.requestUri).toBe('sip:bob@192.0.2.2');
    expect(cancel.topVia.branch).toBe(transaction.branch);
    expect(cancel.headers.get('CSeq')).toBe('7 CANCEL');
    expect(cancel.to.tag).toBeUndefined();
    expect(cancel.headers.get('Route')).toBe('<sip:p.example;lr>');
    expect(cancel.headers.get('Reason')).toBe('SIP;cause=200');
    transaction.receive(bench.response(transaction, 404), flow);
    const ack = flow.sent.at(-1)!.bytes.toString();
    expect(ack).toContain(`branch=${transaction.branch}`);
    expect(ack).toContain('To: <sip:bob@192.0.2.2>;tag=b');
    expect(ack).toContain('CSeq: 7 ACK');
    expect(ack).toContain('Route: <sip:p.example;lr>');
    expect(transaction.buildCancel([])).toBeUndefined();
  });
});

describe('branches', () => {
  it('are ours, differ, and tell a loop from a spiral', () => {
    const maker = new BranchMaker(new SeededRandom(1));
    const branch = maker.make('sip:a@x');
    expect(branch).toMatch(/^z9hG4bK[0-9a-f]{32}$/);
    expect(maker.make('sip:a@x')).not.toBe(branch);
    expect(maker.isLoop(branch, 'sip:a@x')).toBe(true);
    expect(maker.isLoop(branch, 'sip:b@x')).toBe(false);
    expect(new BranchMaker(new SeededRandom(2)).isLoop(branch, 'sip:a@x')).toBe(false);
  });
});

describe('responses go back', () => {
  it('with received where the sent-by is another, and rport where it was asked for', () => {
    const bench = new Bench();
    const flow = bench.flow('udp', { address: '198.51.100.7', port: 40123 });
    const top = (rest: string): string => responseVias(peerRequest('OPTIONS', via(rest)), flow)[0]!;
    expect(top('10.0.0.1;branch=z9hG4bK1;rport')).toBe(
      'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport=40123;received=198.51.100.7',
    );
    expect(top('pbx.example;branch=z9hG4bK1')).toBe('SIP/2.0/UDP pbx.example;branch=z9hG4bK1;received=198.51.100.7');
    expect(top('198.51.100.7;branch=z9hG4bK1')).toBe('SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1');
    expect(top('198.51.100.7;branch=z9hG4bK1;received=6.6.6.6')).toBe(
      'SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;received=198.51.100.7',
    );
  });

  it('with every further Via as it came', () => {
    const bench = new Bench();
    const request = peerRequest('OPTIONS', via('192.0.2.2;branch=z9hG4bK1, SIP/2.0/TCP a;branch=z9hG4bKa'));
    expect(responseVias(request, bench.flow())).toEqual([
      'SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1',
      'SIP/2.0/TCP a;branch=z9hG4bKa',
    ]);
  });

  it('to the sent-by port of a UDP peer that does not know rport, else to its source', () => {
    const bench = new Bench();
    const flow = bench.flow('udp', { address: '192.0.2.2', port: 40123 });
    bench.answer(bench.server(peerRequest('OPTIONS', via('192.0.2.2:5080;branch=z9hG4bK1')), flow), 200);
    expect(bench.opened[0]!.remote).toEqual({ address: '192.0.2.2', port: 5080 });
    expect(textOf(bench, 0)).toMatch(/^SIP\/2\.0 200/);
    bench.answer(bench.server(peerRequest('OPTIONS', via('192.0.2.2;branch=z9hG4bK2;rport')), flow), 200);
    expect(flow.sent).toHaveLength(1);
  });

  it('over a new connection when theirs is gone, and the retransmission over the one it came on', () => {
    const bench = new Bench();
    const flow = bench.flow('tcp', { address: '192.0.2.2', port: 40123 });
    const rows = { Via: 'SIP/2.0/TCP 192.0.2.2:5070;branch=z9hG4bK1' };
    const transaction = bench.server(peerRequest('INVITE', rows), flow);
    flow.close();
    bench.answer(transaction, 486);
    expect(bench.opened[0]!.remote).toEqual({ address: '192.0.2.2', port: 5070 });
    expect(textOf(bench, 0)).toMatch(/^SIP\/2\.0 486/);
    const next = bench.flow('tcp', { address: '192.0.2.2', port: 40124 });
    bench.opened[0]!.close();
    transaction.receive(peerRequest('INVITE', rows), next);
    expect(next.sent).toHaveLength(1);
  });

  it('nowhere when no connection can be made, and that is counted', () => {
    const bench = new Bench();
    const flow = bench.flow('tcp');
    const transaction = bench.server(peerRequest('INVITE'), flow);
    flow.close();
    bench.openFails = new GatewayError('transport.refused', 'no', { origin: 'remote' });
    bench.answer(transaction, 486);
    expect(bench.counters.get('sip_responses_lost', 'connect')).toBe(1);
    const browser = bench.flow('ws');
    const other = bench.server(peerRequest('OPTIONS'), browser);
    browser.close();
    bench.answer(other, 200);
    expect(bench.counters.get('sip_responses_lost', 'closed')).toBe(1);
  });
});

const unreachable = () => new GatewayError('transport.send', 'unreachable', { origin: 'remote' });

describe('a flow that fails', () => {
  it('is told to what waits on it, and to nothing else; an INVITE is repeated no more, other requests have ended', () => {
    const bench = new Bench();
    const flow = bench.flow('tcp');
    const other = bench.flow('tcp');
    const invite = bench.client('INVITE', flow);
    const bye = bench.client('BYE', flow);
    const spared = bench.client('INVITE', other);
    const server = bench.server(peerRequest('INVITE'), flow);
    bench.taken();
    bench.layer.flowFailed(flow, new GatewayError('transport.closed', 'gone', { origin: 'remote' }));
    expect([invite.state, bye.state, spared.state, server.state]).toEqual([
      'calling',
      'terminated',
      'calling',
      'proceeding',
    ]);
    expect(bench.taken()).toEqual(['transport.closed', 'stop F', 'transport.closed', 'ended', 'transport.closed']);
  });

  it('is known by its addresses when it is a UDP flow', () => {
    const bench = new Bench();
    bench.client('INVITE', bench.flow(), true);
    bench.taken();
    bench.layer.flowFailed(bench.flow(), unreachable());
    expect(bench.taken()).toEqual(['stop A', 'transport.send']);
  });

  it('by a datagram that could not be sent is told only to who waits for a first response and may try elsewhere', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const reinvite = bench.client('INVITE', flow);
    const bye = bench.client('BYE', flow);
    const options = bench.client('OPTIONS', flow, true);
    const ringing = bench.client('INVITE', flow, true);
    ringing.receive(bench.response(ringing, 180), flow);
    const server = bench.server(peerRequest('INVITE'), flow);
    bench.taken();
    bench.layer.flowFailed(flow, unreachable());
    expect([reinvite, bye, options, ringing, server].map(({ state }) => state)).toEqual([
      'calling',
      'trying',
      'terminated',
      'proceeding',
      'proceeding',
    ]);
    expect(bench.taken()).toEqual(['stop E', 'stop F', 'transport.send', 'ended']);
  });

  it('ends no INVITE that another copy of may have reached its target: a late 2xx still comes up, until timer B', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const answered = bench.client('INVITE', flow, true);
    const silent = bench.client('INVITE', flow, true);
    bench.layer.flowFailed(flow, unreachable());
    bench.taken();
    answered.receive(bench.response(answered, 200), flow);
    expect(bench.taken()).toEqual(['stop B', 'start M 32000', 'up 200']);
    bench.time.advance(32_000);
    expect([answered.state, silent.state]).toEqual(['terminated', 'terminated']);
  });

  it('is left for the one that a response comes on: the ACK goes there, and nothing keeps the old one', () => {
    const bench = new Bench();
    const flow = bench.flow('tcp');
    const client = bench.client('INVITE', flow);
    flow.close();
    bench.layer.flowFailed(flow, new GatewayError('transport.closed', 'gone', { origin: 'remote' }));
    const next = bench.flow('tcp');
    client.receive(bench.response(client, 486), next);
    expect(next.sent.map(({ bytes }) => bytes.toString('latin1', 0, 3))).toEqual(['ACK']);
    bench.time.advance(64_000);
    expect([client.state, bench.layer.flowCount]).toEqual(['terminated', 0]);
  });

  it('is left for the one that a request comes again on, and nothing keeps the old one', () => {
    const bench = new Bench();
    const flow = bench.flow('tcp');
    const server = bench.server(peerRequest('INVITE'), flow);
    flow.close();
    const next = bench.flow('tcp');
    server.receive(peerRequest('INVITE'), next);
    bench.answer(server, 486);
    expect([flow.sent.length, next.sent.length]).toEqual([0, 1]);
    bench.time.advance(64_000);
    expect([server.state, bench.layer.flowCount]).toEqual(['terminated', 0]);
  });
});
