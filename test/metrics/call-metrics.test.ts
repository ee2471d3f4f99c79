import { describe, expect, it } from 'vitest';
import { CallMetrics, createRegistry } from '../../src/metrics/index.js';
import { answeredCall, FACTS } from '../call/fixtures.js';

const CONNECTOR = `voice_connector_id="${FACTS.voiceConnectorId}",region="local-1"`;

async function textAfter(feed: (metrics: CallMetrics) => void): Promise<string> {
  const registry = createRegistry();
  feed(new CallMetrics(registry, 'local-1'));
  return registry.metrics();
}

describe('call metrics', () => {
  it('counts an answered call as the record and the media log do', async () => {
    const text = await textAfter((metrics) => {
      for (const event of answeredCall(1000)) metrics.onCallEvent(event);
    });
    expect(text).toContain(`voice_connector_outbound_call_attempts_total{${CONNECTOR}} 1`);
    expect(text).toContain(`voice_connector_outbound_calls_answered_total{${CONNECTOR}} 1`);
    expect(text).toContain(`voice_connector_outbound_calls_active{${CONNECTOR}} 0`);
    expect(text).toContain(`voice_connector_rtp_packets_total{${CONNECTOR},path="cust2vc"} 500`);
    expect(text).toContain(`voice_connector_rtp_packets_total{${CONNECTOR},path="vc2cust"} 498`);
    expect(text).toContain(`voice_connector_rtp_packets_lost_total{${CONNECTOR},path="rem2vc"} 3`);
    expect(text).toMatch(/voice_connector_mos_count\{.*side="customer"\} 1/);
    expect(text).not.toMatch(/voice_connector_mos_count\{.*side="remote"\}/);
    expect(text).not.toContain('voice_connector_outbound_call_failures_total{');
    expect(text.trimEnd()).toMatch(/# EOF$/);
  });

  it('counts an unanswered call as failed and a throttled one as throttle too', async () => {
    const [received, decided, ...rest] = answeredCall(1000);
    const refused = { ...decided!, admitted: false, code: 'termination.cps-exceeded' };
    const text = await textAfter((metrics) => {
      for (const event of [received!, refused as typeof decided, rest.at(-1)!]) metrics.onCallEvent(event!);
    });
    expect(text).toContain(`voice_connector_outbound_call_failures_total{${CONNECTOR}} 1`);
    expect(text).toContain(`voice_connector_throttles_total{${CONNECTOR}} 1`);
  });

  it('counts responses by class, and shows the same however often it is scraped', async () => {
    const registry = createRegistry();
    const metrics = new CallMetrics(registry, 'local-1');
    for (const status of [100, 180, 200, 486, 603]) metrics.response(FACTS.voiceConnectorId!, status);
    const first = await registry.metrics();
    expect(first).toContain(`voice_connector_sip_responses_total{${CONNECTOR},class="1xx"} 2`);
    expect(first).toContain(`voice_connector_sip_responses_total{${CONNECTOR},class="6xx"} 1`);
    expect(await registry.metrics()).toBe(first);
  });
});
