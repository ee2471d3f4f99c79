import { Worker } from 'node:worker_threads';
import type { Random, Scheduler } from '../../core/index.js';
import { readClocks } from './clock.js';
import type { RelayCommand, RelayReport } from './commands.js';
import { RelayHost } from './host.js';
import { type BindSocket, bindUdpSocket } from './sockets.js';
import type { RelayStart } from './worker.js';
import { workerUrl } from './worker-url.js';

/** A relay host wherever it runs, as the engine sees it. */
export interface RelayThread {
  post(command: RelayCommand): void;
  /** Lets go of the thread; call it once `stopped` was reported. */
  end(): Promise<void>;
}

export interface RelayThreadParts {
  readonly counters: SharedArrayBuffer;
  readonly scheduler: Scheduler;
  readonly onReport: (report: RelayReport) => void;
  /** The thread ended by itself, which ends its sessions. */
  readonly onDeath: (error: Error) => void;
}

/**
 * Threads whose host has stopped. They wait for another here, and never end before the process does: Node closes a
 * thread's handles with it, and a `DatagramStream` may stand for a descriptor that is somebody else's by then.
 */
const idle = new Set<Worker>();

/** Whoever has one is told of its end too. */
function takeWorker(): Worker {
  for (const worker of idle) {
    idle.delete(worker);
    worker.ref();
    return worker;
  }
  const worker = new Worker(workerUrl());
  worker.on('exit', () => idle.delete(worker));
  worker.on('error', () => {});
  return worker;
}

/** Starts a host in a thread of its own. It reports `ready` when it runs. */
export function startWorker({ counters, scheduler, onReport, onDeath }: RelayThreadParts): RelayThread {
  const worker = takeWorker();
  let cause = new Error('the relay thread ended');
  const onError = (error: unknown): void => {
    cause = error as Error;
  };
  const onExit = (): void => onDeath(cause);
  worker.on('message', onReport).on('error', onError).on('exit', onExit);
  worker.postMessage({ kind: 'start', counters, clocks: readClocks(scheduler) } satisfies RelayStart);
  return {
    post: (command) => worker.postMessage(command),
    end: async () => {
      worker.off('message', onReport).off('error', onError).off('exit', onExit);
      worker.unref();
      idle.add(worker);
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
