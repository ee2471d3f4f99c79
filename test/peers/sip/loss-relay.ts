import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { SeededRandom, unit } from '../../../src/core/index.js';

/**
 * Stands for a peer on a network that loses datagrams: what the gateway sends to its port goes on to the peer, what the
 * peer sends to it goes on to the gateway, but for the share that is lost, drawn from a seed.
 *
 *     peer ◄──► relay port ◄──► gateway
 */
export class LossRelay {
  /** Datagrams that came, and those of them that were lost. */
  passed = 0;
  lost = 0;
  readonly port: number;
  readonly #socket: Socket;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.port = port;
  }

  /** @param loss share of datagrams lost each way, 0–1 */
  static async start(options: {
    port: number;
    peerPort: number;
    gatewayPort: number;
    loss: number;
    seed: number;
  }): Promise<LossRelay> {
    const { port, peerPort, gatewayPort, loss, seed } = options;
    const random = new SeededRandom(seed);
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 21, sendBufferSize: 1 << 21 });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    const relay = new LossRelay(socket, port);
    socket.on('message', (bytes, source) => {
      if (unit(random) < loss) {
        relay.lost++;
        return;
      }
      relay.passed++;
      socket.send(bytes, source.port === peerPort ? gatewayPort : peerPort, '127.0.0.1');
    });
    // A peer that has ended leaves its port unreachable.
    socket.on('error', () => {});
    return relay;
  }

  close(): void {
    this.#socket.close();
  }
}
