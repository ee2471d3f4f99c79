/** What of the packets of one side was passed on: the daemon counts those it blocks like any other. */
export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

export class Passage {
  #open = true;
  /** Count when it was closed last. */
  #closedAt: Count = { packets: 0, bytes: 0 };
  #packetsHeld = 0;
  #bytesHeld = 0;

  get open(): boolean {
    return this.#open;
  }

  /** Opens or closes it at this count. */
  set(open: boolean, at: Count): void {
    if (open && !this.#open) {
      this.#packetsHeld += at.packets - this.#closedAt.packets;
      this.#bytesHeld += at.bytes - this.#closedAt.bytes;
    } else if (!open) this.#closedAt = at;
    this.#open = open;
  }

  /** How much of this count went through. */
  passed(count: Count): Count {
    const upTo = this.#open ? count : this.#closedAt;
    return { packets: upTo.packets - this.#packetsHeld, bytes: upTo.bytes - this.#bytesHeld };
  }
}
