import { expect, it, onTestFinished } from 'vitest';
import { Program } from '../support/program.js';
import { scratchDirectory } from '../support/scratch.js';

/** npm run demo, as somebody new would run it. */

function demo(...args: string[]): Program {
  const program = new Program(process.execPath, ['scripts/demo.mjs', ...args]);
  // Interrupted, not killed: it takes its gateway with it.
  onTestFinished(() => program.stop('SIGINT', 10_000).then(() => {}));
  return program;
}

it('tells the story of a good call, and ends with 0', async () => {
  const program = demo('--once', '--directory', scratchDirectory());
  expect(await program.finish(60_000), program.tail()).toBe(0);
  const told = program.tail(200);
  for (const title of [
    'The stage',
    'The call',
    'Who called whom',
    'Why this route',
    'How it sounded',
    'Where to look next',
  ]) {
    expect(told).toContain(`── ${title} ─`);
  }
  expect(told).toMatch(/outcome +Completed/);
  expect(told).toMatch(/PBX side +MOS 4\.[0-4]/);
  expect(told).toContain('the media log says the same');
  expect(told).toMatch(/record +\S+Amazon-Chime-Voice-Connector-CDRs/);
});

it('leaves the gateway running until it is interrupted', async () => {
  const program = demo('--directory', scratchDirectory());
  await program.line((line) => line.includes('The gateway keeps running'), 60_000);
  const metrics = /http:\/\/\S+\/metrics/.exec(program.tail(200))![0];
  expect((await fetch(metrics)).status).toBe(200);
  expect(await program.stop('SIGINT', 15_000), program.tail(200)).toBe(0);
  await expect(fetch(metrics)).rejects.toThrow();
});

it('ends the gateway too when it is interrupted during the call', async () => {
  const program = demo('--directory', scratchDirectory());
  await program.line((line) => line.includes('both      talk'), 60_000);
  const pid = Number(/\(pid (\d+)\)/.exec(program.tail(200))![1]);
  await program.stop('SIGINT', 15_000);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('refuses options it does not know, with 2', async () => {
  expect(await demo('--twice').finish(30_000)).toBe(2);
});
