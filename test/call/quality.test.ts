import { describe, expect, it } from 'vitest';
import { MediaBridge } from '../../src/call/media-bridge.js';
import { intervalQuality, pathTotals } from '../../src/call/quality.js';
import { SeededRandom } from '../../src/core/index.js';
import type { LegFigures, SessionFigures } from '../../src/rtp/index.js';
import type { MessageBody } from '../../src/sip/index.js';
import { FakeMedia, LEG } from '../support/fake-media.js';

/** What a call says of its media: measured and reported apart, the interval and the whole call apart, nothing invented. */

const PCMU = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
const FORMATS = { customer: PCMU, remote: PCMU };

interface Changes {
  readonly received?: Partial<LegFigures['received']>;
  readonly sent?: Partial<LegFigures['sent']>;
  readonly rttUs?: number | null;
  readonly rttMeanUs?: number | null;
}

const leg = ({ received, sent, ...rest }: Changes = {}): LegFigures => ({
  ...LEG,
  ...rest,
  received: { ...LEG.received, ...received },
  sent: { ...LEG.sent, ...sent },
});

const session = (customer: Changes = {}, remote: Changes = {}): SessionFigures => ({
  customer: leg(customer),
  remote: leg(remote),
});

const qualityOf = (figures: SessionFigures, previous?: SessionFigures) => intervalQuality(previous, figures, FORMATS);

describe('loss and jitter', () => {
  it('of what we send are what the far end reports, and unknown until it has', () => {
    const silent = qualityOf(session()).paths;
    expect(silent.vc2cust).toMatchObject({ packetsLost: null, packetsLostInterval: null, jitterUs: null });
    const told = qualityOf(session({ sent: { reportedLost: 7, reportedJitterUs: 5000 } })).paths;
    expect(told.vc2cust).toMatchObject({ packetsLost: 7, packetsLostInterval: 7, jitterUs: 5000 });
    expect(told.cust2vc).toMatchObject({ packetsLost: 2, jitterUs: 900 });
    expect(told.vc2rem).toMatchObject({ packetsLost: null, jitterUs: null });
  });

  it('lost is of the whole call, counts are of the interval, and late packets never make it negative', () => {
    const first = session({
      received: { packets: 100, bytes: 17_200, lost: 5 },
      sent: { packets: 90, reportedLost: 9 },
    });
    const second = session({
      received: { packets: 150, bytes: 25_800, lost: 3 },
      sent: { packets: 140, reportedLost: 4 },
    });
    const { cust2vc, vc2cust } = qualityOf(second, first).paths;
    expect(cust2vc).toMatchObject({ rtpPackets: 50, rtpBytes: 8600, packetsLost: 3, packetsLostInterval: 0 });
    expect(vc2cust).toMatchObject({ rtpPackets: 50, packetsLost: 4, packetsLostInterval: 0 });
  });

  it('are unknown on a path that nothing came on, and where the engine measures none', () => {
    const nothing = { packets: 0, lost: 0, jitterUs: null, jitterMeanUs: null };
    const unmeasured = { lost: null, reordered: null, duplicates: null, jitterUs: null, jitterMeanUs: null };
    for (const received of [nothing, unmeasured]) {
      const { cust2vc } = qualityOf(session({ received })).paths;
      expect(cust2vc).toMatchObject({ packetsLost: null, packetsLostInterval: null, jitterUs: null });
    }
  });
});

describe('MOS', () => {
  it('is of what each side sends us, with its inputs', () => {
    const { mos } = qualityOf(session({ rttUs: 90_000, rttMeanUs: 100_000 }, { received: { intervalLost: 0 } }));
    expect(mos.customer!.inputs).toMatchObject({ encoding: 'PCMU', ie: 0, bpl: 25.1, rttMs: 100, oneWayDelayMs: 90 });
    expect(mos.customer!.mos).toBeLessThan(mos.remote!.mos);
    for (const { mos: score } of [mos.customer!, mos.remote!]) expect(score).toBeLessThanOrEqual(4.4);
  });

  it.each([
    ['a codec that nobody rates', { payloadType: 96 }],
    ['a payload type that was not agreed on', { payloadType: 77 }],
    ['a side that sent nothing', { payloadType: null, intervalExpected: 0 }],
  ])('is absent for %s', (_, received) => {
    const formats = [...PCMU, { payloadType: 96, encoding: 'X-UNHEARD-OF', clockRateHz: 8000 }];
    const { mos } = intervalQuality(undefined, session({ received }), { ...FORMATS, customer: formats });
    expect(mos.customer).toBeNull();
    expect(mos.remote).not.toBeNull();
  });
});

function offerOf(port: number, ...attributes: string[]): MessageBody {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', `m=audio ${port} RTP/AVP 0`];
  return { contentType: 'application/sdp', bytes: Buffer.from(`${[...head, ...attributes].join('\r\n')}\r\n`) };
}

/** A call between two sides that described themselves so. */
async function callOf(customer: string[], remote: string[]) {
  const engine = new FakeMedia();
  const bridge = await MediaBridge.open(
    engine,
    { id: 'x', timeoutSeconds: 60, onEvent: () => {} },
    new SeededRandom(5),
  );
  for (const side of ['customer', 'remote'] as const) {
    bridge.bound(side, { mediaSources: undefined, allowedSources: undefined, encryption: 'off' });
  }
  bridge.translate('customer', 'offer', offerOf(4000, ...customer));
  bridge.translate('remote', 'answer', offerOf(5000, ...remote));
  return { bridge, session: engine.sessions.get('x')! };
}

describe('a call', () => {
  it.each([
    ['both say', ['a=ptime:60'], ['a=ptime:40'], 40, 60],
    ['one side says, for both', ['a=ptime:60'], [], 60, 60],
    ['nobody says: one of 20 ms', [], [], 20, 20],
    ['what nobody can send is not believed', ['a=ptime:9000'], ['a=ptime:30'], 30, 30],
  ])('rates packets of the length that who hears them asked for: %s', async (_, customer, remote, said, heard) => {
    const { bridge } = await callOf(customer, remote);
    const { mos } = (await bridge.read()).quality;
    expect(mos.customer!.inputs).toMatchObject({ codecDelayMs: said, dejitterMs: said });
    expect(mos.remote!.inputs).toMatchObject({ codecDelayMs: heard, dejitterMs: heard });
  });

  it('tells the largest jitter of all its intervals at its end', async () => {
    const { bridge, session: media } = await callOf([], []);
    const maxima: (number | null)[] = [4000, 9000, 700, null];
    const told: unknown[] = [];
    for (const jitterMaxUs of maxima) {
      media.figures = session({ received: { jitterMaxUs } });
      const { totals } = await (told.length === maxima.length - 1 ? bridge.close() : bridge.read());
      told.push(totals.cust2vc.jitterMaxUs);
    }
    expect(told).toEqual([4000, 9000, 9000, 9000]);
  });

  it('tells what the far end reports of the quality that it hears (RFC 3611 §4.7)', () => {
    const reportedVoip = { lossRate: 0.25, discardRate: 0.125, rFactor: 88, mosCq: null };
    const totals = pathTotals(session({ sent: { reportedVoip } }));
    expect(totals.vc2cust.reportedVoip).toEqual(reportedVoip);
    expect(totals.vc2rem).not.toHaveProperty('reportedVoip');
  });
});
