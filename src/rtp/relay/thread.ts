import { Worker } from 'node:worker_threads';
import type { Random, Scheduler } from '../../core/index.js';
import { readClocks } from './clock.js';
import type { RelayCommand, RelayReport } from './commands.js';
import { RelayHost } from './host.js';
import { type BindSocket, bindUdpSocket } from './sockets.js';
import type { RelayWorkerData } from './worker.js';
import { workerUrl } from './worker-url.js';

/** A relay host wherever it runs, as the engine sees it. */
export interface RelayThread {
  post(command: RelayCommand): void;
  /** Ends the thread; call it once `stopped` was reported. */
  end(): Promise<void>;
}

export interface RelayThreadParts {
  readonly counters: SharedArrayBuffer;
  readonly scheduler: Scheduler;
  readonly onReport: (report: RelayReport) => void;
  /** The thread ended by itself, which ends its sessions. */
  readonly onDeath: (error: Error) => void;
}

/** Starts a host in a thread of its own. It reports `ready` when it runs. */
export function startWorker({ counters, scheduler, onReport, onDeath }: RelayThreadParts): RelayThread {
  const workerData: RelayWorkerData = { counters, clocks: readClocks(scheduler) };
  const worker = new Worker(workerUrl(), { workerData });
  let ending = false;
  let cause = new Error('the relay thread ended');
  worker.on('message', onReport);
  worker.on('error', (error) => {
    cause = error as Error;
  });
  worker.on('exit', () => {
    if (!ending) onDeath(cause);
  });
  return {
    post: (command) => worker.postMessage(command),
    end: async () => {
      ending = true;
      await worker.terminate();
    },
  };
}

/** A host in the calling thread: it needs no compiled file, and virtual time and sockets that are arrays can drive it. */
export function startInline(parts: RelayThreadParts, random: Random, bind: BindSocket = bindUdpSocket): RelayThread {
  const { counters, scheduler, onReport } = parts;
  const host = new RelayHost({ counters, scheduler, random, bind, report: onReport });
  queueMicrotask(() => onReport({ kind: 'ready' }));
  return { post: (command) => host.handle(command), end: async () => {} };
}
