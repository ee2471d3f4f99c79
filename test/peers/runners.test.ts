import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { speechLike } from '../../src/demo/speech.js';
import { encodeMuLaw } from '../../src/rtp/codec/index.js';
import { startPhone } from '../support/baresip.js';
import { level, likeness } from '../support/correlate.js';
import { needs, pause } from '../support/program.js';
import { scratchDirectory } from '../support/scratch.js';
import { runCaller, startAnswerer } from '../support/sipp.js';
import { sipsak } from '../support/sipsak.js';

/** The peers by themselves, without a gateway: what the other tests here lean on. */

describe('peers without a gateway', () => {
  it('SIPp calls SIPp with audio', async (context) => {
    needs(context, 'sipp');
    const audio = join(scratchDirectory(), 'speech.ulaw');
    writeFileSync(audio, encodeMuLaw(speechLike(1, 1)));
    const keys = { audio: `${audio},1,0`, called: '+12025550122', caller: '+12065550100' };
    const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
    const target = `127.0.0.1:${answerer.port}`;
    const caller = await runCaller({
      scenario: 'uac-audio',
      target,
      keys,
      calls: 10,
      callsPerSecond: 10,
      pauseMs: 1500,
    });
    expect(caller, caller.errors).toMatchObject({ successful: 10, failed: 0, status: 0 });
    expect(await answerer.stop()).toMatchObject({ successful: 10, failed: 0 });
  });

  it('baresip calls baresip, and each hears what the other says', async (context) => {
    needs(context, 'baresip');
    const hers = { rateHz: 8000, samples: speechLike(11, 12) };
    const his = { rateHz: 8000, samples: speechLike(12, 12) };
    const callee = await startPhone({ user: '+12025550122', speech: his, autoAnswer: true });
    const caller = await startPhone({ user: '+12065550100', speech: hers });
    caller.dial(`sip:+12025550122@127.0.0.1:${callee.port}`);
    await caller.event('CALL_ESTABLISHED');
    await pause(4000);
    callee.hangUp();
    await caller.event('CALL_CLOSED');
    const heard = caller.heard().samples;
    expect(level(heard)).toBeGreaterThan(300);
    expect(likeness(his.samples, heard).correlation).toBeGreaterThan(0.95);
    expect(likeness(hers.samples, callee.heard().samples).correlation).toBeGreaterThan(0.95);
  });

  it('sipsak asks SIPp', async (context) => {
    needs(context, 'sipsak', 'sipp');
    const answerer = await startAnswerer({ scenario: 'uas-options' });
    const answer = await sipsak(['-s', `sip:test@127.0.0.1:${answerer.port}`, '-vv']);
    expect(answer.status, answer.output).toBe(0);
    expect(answer.output).toContain('200 OK');
  });
});
