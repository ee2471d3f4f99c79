import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InlineBatchWriter } from '../../src/call/record/batch-writer.js';
import type { CallDetailRecord } from '../../src/call/record/call-detail-record.js';
import { DirectorySink, recordPath } from '../../src/call/record/directory-sink.js';
import { CallRecorder } from '../../src/call/record/recorder.js';
import { SYNCED_TOGETHER, writeBatch } from '../../src/call/record/write-batch.js';
import { silentLogger, systemScheduler } from '../../src/core/index.js';
import { answeredCall, FACTS } from './fixtures.js';

const START = Date.UTC(2026, 10, 21, 9, 8, 7, 6);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'records-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function recordOf(transactionId: string): CallDetailRecord {
  let made: CallDetailRecord | undefined;
  const context = { awsAccountId: '1', region: 'r', node: 'n', countryOf: () => '', nameOf: () => '' };
  const recorder = new CallRecorder(context, {
    put: (record) => {
      made = record;
    },
  });
  const facts = { ...FACTS, transactionId };
  for (const event of answeredCall(START, facts)) recorder.onCallEvent({ ...event, transactionId });
  return made!;
}

describe('directory sink', () => {
  it('writes each record whole under its path and tells when it is durable', async () => {
    const written: string[] = [];
    const onWritten = (id: string) => written.push(id);
    const sink = new DirectorySink(
      { directory, writer: new InlineBatchWriter(), onWritten },
      systemScheduler,
      silentLogger,
    );
    const records = Array.from({ length: 300 }, (_, index) => recordOf(`id-${index}`));
    for (const record of records) sink.put(record);
    expect(await sink.flush(5000)).toBe(true);
    expect(written).toHaveLength(300);
    for (const record of records) {
      expect(JSON.parse(readFileSync(join(directory, recordPath(record)), 'utf8'))).toEqual(record);
    }
    const names = readdirSync(join(directory, recordPath(records[0]!), '..'));
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps a record it cannot write and writes it once it can', async () => {
    const blocker = join(directory, 'Amazon-Chime-Voice-Connector-CDRs');
    writeFileSync(blocker, 'in the way');
    const sink = new DirectorySink({ directory, writer: new InlineBatchWriter() }, systemScheduler, silentLogger);
    const record = recordOf('id-1');
    sink.put(record);
    expect(await sink.flush(50)).toBe(false);
    rmSync(blocker);
    expect(await sink.flush(5000)).toBe(true);
    expect(existsSync(join(directory, recordPath(record)))).toBe(true);
  });
});

describe('batch of whole files', () => {
  it('syncs a large batch as one, or each file where that cannot be had', () => {
    const path = process.env.PATH;
    for (const [name, search] of [
      ['together', path],
      ['alone', directory],
    ] as const) {
      const files = Array.from({ length: SYNCED_TOGETHER }, (_, index) => ({
        path: join(directory, name, String(index)),
        text: `${name} ${index}`,
      }));
      process.env.PATH = search;
      const outcome = writeBatch(files);
      process.env.PATH = path;
      expect(outcome.every((reason) => reason === undefined)).toBe(true);
      for (const file of files) expect(readFileSync(file.path, 'utf8')).toBe(file.text);
    }
  });

  it('tells of each file that failed and writes the others', () => {
    mkdirSync(join(directory, 'a'));
    mkdirSync(join(directory, 'taken.tmp'));
    chmodSync(join(directory, 'a'), 0o755);
    const outcome = writeBatch([
      { path: join(directory, 'a', 'one'), text: 'first' },
      { path: join(directory, 'taken'), text: 'second' },
      { path: join(directory, 'b', 'c', 'three'), text: 'third' },
    ]);
    expect(outcome[0]).toBeUndefined();
    expect(outcome[1]).toMatch(/EISDIR|directory/);
    expect(outcome[2]).toBeUndefined();
    expect(readFileSync(join(directory, 'b', 'c', 'three'), 'utf8')).toBe('third');
    expect(existsSync(join(directory, 'taken'))).toBe(false);
  });
});
