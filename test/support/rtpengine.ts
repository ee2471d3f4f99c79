import { createSocket } from 'node:dgram';
import { freePort, freePorts } from './ports.js';
import { eventually, Program } from './program.js';

/** An rtpengine daemon in user space, on 127.0.0.1. */
export interface RtpengineDaemon {
  readonly port: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts a daemon with `pairs` port pairs, and `more` arguments, and waits until it answers. */
export async function startRtpengine(pairs = 100, more: readonly string[] = []): Promise<RtpengineDaemon> {
  const port = await freePort();
  const first = await freePorts(2 * pairs);
  const program = new Program('rtpengine', [
    ...['--config-file=none', '--table=-1', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${port}`],
    ...['--foreground', '--log-stderr', `--port-min=${first}`, `--port-max=${first + 2 * pairs - 1}`],
    // Notices and worse: told of each packet that it refuses it would have no time left for others.
    ...['--num-threads=1', '--delete-delay=0', '--log-level=5', ...more],
  ]);
  await answering(port, program);
  return { port, kill: () => program.stop('SIGKILL').then(() => {}) };
}

/** Resolves once the daemon answers pings. */
async function answering(port: number, program: Program): Promise<void> {
  const socket = createSocket('udp4');
  // Nobody listens yet.
  socket.on('error', () => {});
  let answered = false;
  socket.on('message', () => {
    answered = true;
  });
  try {
    await eventually(`an answer of rtpengine: ${program.tail()}`, () => {
      socket.send('ready d7:command4:pinge', port, '127.0.0.1');
      return answered;
    });
  } finally {
    socket.close();
  }
}
