import { hostname } from 'node:os';
import { join } from 'node:path';
import { CallRecorder, DirectorySink, Journal, type Policy, ThreadBatchWriter } from '../call/index.js';
import type { GatewayConfig } from '../config/index.js';
import { GatewayError, type Logger, systemScheduler } from '../core/index.js';

export type Records = ReturnType<typeof startRecords>;

/** Journal, recorder and sink; what an earlier process left is rebuilt and written first. */
export function startRecords(config: GatewayConfig, policy: Policy, logger: Logger) {
  if (config.records.kind !== 'file') {
    throw new GatewayError('records.unsupported', 'Only file: records are built into this version', {
      origin: 'local',
    });
  }
  const journal = new Journal(join(config.dataDir, 'journal'), logger);
  const leftovers: { paths: string[]; waiting: Set<string> } = { paths: [], waiting: new Set() };
  const onWritten = (transactionId: string): void => {
    journal.recorded(transactionId);
    if (leftovers.waiting.delete(transactionId) && leftovers.waiting.size === 0)
      journal.discard(leftovers.paths.splice(0));
  };
  const writer = new ThreadBatchWriter(logger);
  const sink = new DirectorySink({ directory: config.records.directory, writer, onWritten }, systemScheduler, logger);
  const context = {
    awsAccountId: config.account,
    region: config.region,
    node: hostname(),
    countryOf: (number: string) => policy.countryOf(number),
    nameOf: (number: string) => policy.nameOf(number),
  };
  const recorder = new CallRecorder(context, {
    put: (record) => {
      if (leftovers.paths.length > 0) leftovers.waiting.add(record.TransactionId);
      sink.put(record);
    },
  });
  leftovers.paths = journal.recover((event) => recorder.onCallEvent(event));
  const recovered = recorder.recoverOpenCalls();
  if (leftovers.waiting.size === 0) journal.discard(leftovers.paths.splice(0));
  if (recovered > 0) logger.warn({ recovered }, 'calls cut by a crash got their records from the journal');
  journal.start();
  return { journal, recorder, sink, writer };
}
