/** Sources refused on one leg: each address and port is told once, and at most 16 of them. */
const MAX_TOLD = 16;

export class Refusals {
  readonly #told = new Set<string>();
  readonly #tell: (address: string, port: number) => void;

  constructor(tell: (address: string, port: number) => void) {
    this.#tell = tell;
  }

  note(address: string, port: number): void {
    if (this.#told.size >= MAX_TOLD) return;
    const key = `${address} ${port}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#tell(address, port);
  }
}
