import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallEvent } from '../../src/call/events.js';
import { Journal } from '../../src/call/record/journal.js';
import { silentLogger } from '../../src/core/index.js';
import { answeredCall, FACTS } from './fixtures.js';

const START = Date.UTC(2026, 10, 21);
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function replayed(): CallEvent[] {
  const events: CallEvent[] = [];
  new Journal(directory, silentLogger).recover((event) => events.push(event));
  return events;
}

describe('journal', () => {
  it('gives back the events of a call whose record was not written', async () => {
    const journal = new Journal(directory, silentLogger);
    journal.start();
    const events = answeredCall(START).slice(0, 5);
    for (const event of events) journal.onCallEvent(event);
    await turn();
    expect(replayed()).toEqual(events);
  });

  it('gives back nothing of a call whose record is durable', async () => {
    const journal = new Journal(directory, silentLogger);
    journal.start();
    for (const event of answeredCall(START)) journal.onCallEvent(event);
    journal.recorded(FACTS.transactionId);
    await turn();
    expect(replayed()).toEqual([]);
  });

  it('passes over a line that a crash cut short', async () => {
    const journal = new Journal(directory, silentLogger);
    journal.start();
    const [first] = answeredCall(START);
    journal.onCallEvent(first!);
    await turn();
    appendFileSync(join(directory, '000001.jsonl'), '{"event":{"kind":"dec');
    expect(replayed()).toEqual([first]);
  });

  it('leaves no file behind after a clean stop without open calls', async () => {
    const journal = new Journal(directory, silentLogger);
    journal.start();
    for (const event of answeredCall(START)) journal.onCallEvent(event);
    journal.recorded(FACTS.transactionId);
    await turn();
    journal.stop();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('drops finished segments and keeps those with open calls', async () => {
    const journal = new Journal(directory, silentLogger);
    journal.start();
    const [received] = answeredCall(START);
    for (let call = 0; call < 40_000; call++) {
      const transactionId = `call-${call}`;
      journal.onCallEvent({ ...received!, transactionId } as CallEvent);
      journal.recorded(transactionId);
      if (call % 1000 === 0) await turn();
    }
    await turn();
    expect(journal.openCalls).toBe(0);
    expect(readdirSync(directory)).toHaveLength(1);
    journal.stop();
  });
});
