/** Gives each peer its turn to be dialled; see `DialPace`. */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import { Alarm } from './alarm.js';
import { DialPace } from './dial-pace.js';
import type { Peer } from './peer.js';

/** A handshake that ended so found no time or no room; the other reasons are not about that. */
const CROWDED: readonly ErrorCode[] = [
  'ERR_TIMEOUT',
  'ERR_HANDSHAKE_LIMIT',
  'ERR_ASSOCIATION_LOST',
];

export class Dials {
  readonly #runtime: Runtime;
  readonly #dial: (peer: Peer) => void;
  readonly #pace = new DialPace<Peer>(limits);
  readonly #alarm: Alarm;
  #isTurnDue = false;

  /** @param dial begins an attempt; `look` is told of the peer at every change from then on. */
  constructor(runtime: Runtime, dial: (peer: Peer) => void) {
    this.#runtime = runtime;
    this.#dial = dial;
    this.#alarm = new Alarm(runtime, () => this.#turn());
  }

  /** Something of this peer's dialling may have changed. */
  look(peer: Peer): void {
    if (peer.dialler.isDue) this.#pace.want(peer);
    else if (peer.dialling === null) this.#pace.rest(peer);
    if (this.#isTurnDue || this.#pace.waiting === 0) return;
    // At the end of the turn: who is wanted in the same one is in the draw.
    this.#isTurnDue = true;
    this.#runtime.timers.soon(() => {
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  /** The peer's end of the association is there. */
  answered(peer: Peer): void {
    this.#pace.answered(this.#runtime.clock.turnMs(), peer);
  }

  /** The attempt is over: null when there is a link, else why not. `look` follows. */
  over(peer: Peer, code: ErrorCode | null): void {
    const end = code === null ? 'linked' : CROWDED.includes(code) ? 'crowded' : 'refused';
    this.#pace.over(this.#runtime.clock.turnMs(), peer, end);
  }

  #turn(): void {
    const { clock, random } = this.#runtime;
    const dice = () => random.bytes(2).readUInt16BE() / 65536;
    const nowMs = clock.turnMs();
    for (;;) {
      const peer = this.#pace.next(nowMs, dice);
      if (peer === null) break;
      if (peer.dialler.poll() === 'dial') this.#dial(peer);
      else this.#pace.rest(peer);
    }
    this.#alarm.set(this.#pace.deadline());
  }
}
