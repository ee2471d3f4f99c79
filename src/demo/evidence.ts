import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallDetailRecord } from '../call/index.js';
import { systemScheduler } from '../core/index.js';
import { wait } from './gateway-process.js';

/** What the gateway wrote about a call, read from its files as an operator would. */
export interface Evidence {
  readonly record: CallDetailRecord;
  readonly recordFile: string;
  readonly mediaLine: Readonly<Record<string, number | string | null>> | undefined;
  readonly mediaLogFile: string;
  readonly sipLogFile: string;
}

const POLL_MS = 50;

/** Waits for the record of the call with that Call-ID, and for its last line in the media log. */
export async function collectEvidence(
  directory: string,
  connectorId: string,
  callId: string,
  limitMs: number,
): Promise<Evidence> {
  const endMs = systemScheduler.nowMs() + limitMs;
  const root = join(directory, 'records', 'Amazon-Chime-Voice-Connector-CDRs', 'json');
  for (;;) {
    const found = findRecord(root, callId);
    if (found) {
      const day = new Date(found.record.Trunkline.EndTimeEpochMs).toISOString().slice(0, 10);
      const logs = (kind: string) => join(directory, 'logs', kind, connectorId, `${day}.jsonl`);
      const mediaLogFile = logs('ChimeVoiceConnectorLogs');
      const mediaLine = await lastLine(mediaLogFile, found.record.TransactionId, endMs);
      return { ...found, mediaLine, mediaLogFile, sipLogFile: logs('ChimeVoiceConnectorSipMessages') };
    }
    if (systemScheduler.nowMs() > endMs) throw new Error(`no call detail record under ${root} after ${limitMs} ms`);
    await wait(POLL_MS);
  }
}

function findRecord(directory: string, callId: string): Pick<Evidence, 'record' | 'recordFile'> | undefined {
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort().reverse();
  for (const name of names.filter((candidate) => /_[0-9a-f-]{36}$/.test(candidate))) {
    const recordFile = join(directory, name);
    const record = JSON.parse(readFileSync(recordFile, 'utf8')) as CallDetailRecord;
    if (record.CallId === callId) return { record, recordFile };
  }
  return undefined;
}

/** The log is written in batches, a moment after the record. */
async function lastLine(file: string, transactionId: string, endMs: number): Promise<Evidence['mediaLine']> {
  for (;;) {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    const line = lines.findLast((text) => text.includes(transactionId));
    if (line !== undefined) return JSON.parse(line) as Evidence['mediaLine'];
    if (systemScheduler.nowMs() > endMs) return undefined;
    await wait(POLL_MS);
  }
}
