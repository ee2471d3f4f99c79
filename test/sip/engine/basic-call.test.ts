import { describe, expect, it } from 'vitest';
import { body, callPair, orderTo, rejecting } from './support.js';

for (const transport of ['udp', 'tcp'] as const) {
  describe(`a basic call over ${transport}`, () => {
    it('rings, is answered, acknowledged and ended by the caller, and leaves nothing behind', () => {
      const { time, alice, bob, network } = callPair();
      const call = alice.call(orderTo(bob, { transport }));
      time.advance(0);
      const leg = bob.legs[0]!;
      leg.provisional(180);
      time.advance(10);
      expect(call.provisionals.map((response) => response.status)).toEqual([180]);
      expect(call.dialogs[0]!.state).toBe('early');
      const answered = leg.accept({ body: body('answer') });
      time.advance(10);
      expect(call.answers).toHaveLength(1);
      expect(call.answers[0]!.body.toString()).toBe('answer');
      call.dialog!.ack();
      time.advance(10);
      expect(bob.log).toEqual(['invite', 'ack']);
      expect(answered.state).toBe('confirmed');
      call.dialog!.bye();
      time.advance(10);
      expect(bob.log).toEqual(['invite', 'ack', 'bye']);
      expect(network.trace.map(({ text }) => text.split(' ', text.startsWith('SIP') ? 2 : 1).join(' '))).toEqual([
        'INVITE',
        'SIP/2.0 100',
        'SIP/2.0 180',
        'SIP/2.0 200',
        'ACK',
        'BYE',
        'SIP/2.0 200',
      ]);
      time.runUntilIdle(40_000);
      alice.expectNothingLeft();
      bob.expectNothingLeft();
      expect(time.pending).toBe(0);
    });

    it('is ended by the callee', () => {
      const { time, alice, bob } = callPair();
      const { dialog, peer } = alice.answeredCall(bob, { transport });
      const outcomes: number[] = [];
      peer.bye([], (outcome) => outcomes.push('status' in outcome ? outcome.status : 0));
      time.advance(10);
      expect(outcomes).toEqual([200]);
      expect(alice.log).toEqual(['bye']);
      expect(dialog.state).toBe('terminated');
      time.runUntilIdle(40_000);
      alice.expectNothingLeft();
      bob.expectNothingLeft();
      expect(time.pending).toBe(0);
    });

    it('is cancelled while ringing', () => {
      const { time, alice, bob } = callPair();
      const call = alice.call(orderTo(bob, { transport }));
      time.advance(0);
      bob.legs[0]!.provisional(180);
      time.advance(10);
      call.leg.cancel();
      time.advance(10);
      expect(bob.log).toEqual(['invite', 'cancel']);
      expect(call.rejection?.status).toBe(487);
      time.runUntilIdle(40_000);
      alice.expectNothingLeft();
      bob.expectNothingLeft();
      expect(time.pending).toBe(0);
    });

    it('is refused', () => {
      const { time, alice, bob } = callPair();
      bob.core.handler = rejecting(486);
      const call = alice.call(orderTo(bob, { transport }));
      time.advance(10);
      expect(call.rejection?.status).toBe(486);
      time.runUntilIdle(40_000);
      alice.expectNothingLeft();
      bob.expectNothingLeft();
      expect(time.pending).toBe(0);
    });
  });
}
