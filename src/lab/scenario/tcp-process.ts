/**
 * A traffic process with the same traffic over TCP; a process of its own, so that neither disturbs
 * the other.
 */
import type { Replies, TrafficSetup } from './protocol.js';
import { connectTcp, listenTcp, type TcpPeer } from './tcp-traffic.js';
import { SendingTraffic, serveTraffic, Traffic, WARM_UP_NUMBER } from './traffic-process.js';

class TcpSender extends SendingTraffic {
  #peer: TcpPeer | null = null;
  #asked = 0;
  #answered = 0;

  override get replies(): Replies {
    return { asked: this.#asked, answered: this.#answered };
  }

  override async prepare(): Promise<void> {
    const { peer, port } = this.setup;
    this.#peer = await connectTcp(peer.addresses[0]!, port, () => {
      this.#answered++;
    });
    await this.warmUp();
  }

  protected override forgetReplies(): void {
    this.#asked = 0;
    this.#answered = 0;
  }

  protected override send(body: Buffer, wantsReply: boolean): void {
    if (wantsReply) this.#asked++;
    this.#peer?.send(body);
  }

  override async close(): Promise<void> {
    this.#peer?.close();
  }
}

class TcpReceiver extends Traffic {
  #server: { close(): void } | null = null;

  override async prepare(): Promise<void> {
    const { address, port } = this.setup;
    this.#server = await listenTcp(address, port, (message, peer) => {
      const number = message.readUInt32BE(0);
      if (number === WARM_UP_NUMBER) return;
      this.recorder.record(number);
      if (number % (this.plan?.replyEvery ?? 1) === 0) peer.send(message.subarray(0, 4));
    });
  }

  override async close(): Promise<void> {
    this.#server?.close();
  }
}

serveTraffic(async (setup: TrafficSetup) =>
  setup.role === 'sender' ? new TcpSender(setup) : new TcpReceiver(setup),
);
