import { parentPort } from 'node:worker_threads';
import { SystemRandom } from '../../core/index.js';
import { warmUpHmacSha1 } from '../srtp/index.js';
import { alignedScheduler, type ClockPair } from './clock.js';
import type { RelayCommand, RelayReport } from './commands.js';
import { RelayHost } from './host.js';
import { bindUdpSocket } from './sockets.js';

/**
 * The program of a relay thread: a RelayHost on real sockets and real time. Signalling runs in another thread, so it
 * never delays a packet. A thread outlives its host and may be given another: see thread.ts.
 */
export interface RelayStart {
  readonly kind: 'start';
  readonly counters: SharedArrayBuffer;
  readonly clocks: ClockPair;
}

const port = parentPort;
if (port === null) throw new Error('relay/worker is the program of a worker thread');
const report = (message: RelayReport): void => port.postMessage(message);
let host: RelayHost | undefined;

function start({ counters, clocks }: RelayStart): void {
  host = new RelayHost({
    counters,
    scheduler: alignedScheduler(clocks),
    random: new SystemRandom(),
    bind: bindUdpSocket,
    report,
  });
  report({ kind: 'ready' });
}

port.on('message', (command: RelayCommand | RelayStart) => {
  if (command.kind === 'start') return start(command);
  host?.handle(command);
  if (command.kind === 'stop') host = undefined;
});
// A broken invariant costs what it was met in, and is told; the calls of this thread go on.
process.on('uncaughtException', (error) => {
  report({ kind: 'fault', id: 0, reason: String(error instanceof Error ? error.stack : error) });
});
warmUpHmacSha1();
