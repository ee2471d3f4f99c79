import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Program } from '../support/program.js';
import { scratchDirectory } from '../support/scratch.js';
import type { CapturedDatagram } from './pcap.js';

/**
 * What came to ports of 127.0.0.1 as the kernel saw it: captured by dumpcap at the receiver's own interface, with the
 * kernel's times, and read by tshark. Nothing of it was written here, and no delay of the sender's process is in it.
 */
export class KernelCapture {
  readonly #program: Program;
  readonly #file: string;

  private constructor(program: Program, file: string) {
    this.#program = program;
    this.#file = file;
  }

  /** Begins to capture UDP to the ports from `first` to `last`; undefined where this user may not. */
  static async start(first: number, last: number): Promise<KernelCapture | undefined> {
    const file = join(scratchDirectory(), 'kernel.pcapng');
    const filter = `udp and dst portrange ${first}-${last}`;
    const program = new Program('dumpcap', ['-q', '-i', 'lo', '-B', '64', '-f', filter, '-w', file]);
    try {
      await program.line((line) => line.startsWith('File: '));
    } catch {
      // Without the right to capture it ends at once: whoever asked has its own times to fall back on.
      return undefined;
    }
    return new KernelCapture(program, file);
  }

  /** Ends it and gives the datagrams in order of arrival. */
  async stop(): Promise<CapturedDatagram[]> {
    await this.#program.stop('SIGINT');
    const columns = ['frame.time_epoch', 'ip.src', 'udp.srcport', 'ip.dst', 'udp.dstport', 'udp.payload'];
    const args = ['-n', '-r', this.#file, '-T', 'fields', ...columns.flatMap((column) => ['-e', column])];
    const text = execFileSync('tshark', args, {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
    return text.trimEnd().split('\n').map(datagram);
  }
}

function datagram(row: string): CapturedDatagram {
  const [at, sourceAddress, sourcePort, targetAddress, targetPort, payload] = row.split('\t');
  const [seconds, fraction] = at!.split('.');
  return {
    // Of the day: a double has no room for nanoseconds since 1970.
    atMs: (Number(seconds) % 86_400) * 1000 + Number(`0.${fraction}`) * 1000,
    sourceAddress: sourceAddress!,
    sourcePort: Number(sourcePort),
    targetAddress: targetAddress!,
    targetPort: Number(targetPort),
    data: Buffer.from(payload!, 'hex'),
  };
}
