/**
 * Many patterns of digits matched at once, one step a digit: the patterns of numbering plans as one automaton.
 *
 *     "2[0-4]\d{2}" → A, "2\d{3}|911" → B      start ─2─► ● ─0─► ● ─7─► ● ─7─► ● A, B
 *                                                  └─9─► ● ─1─► ● ─1─► ● B
 *
 * A pattern is compiled to positions (Glushkov): the digits one place of it takes, and the places that may follow. A
 * state is a set of positions; states are made when a number first reaches them, so that what nobody calls costs
 * nothing. The patterns' language is libphonenumber's: digits, \d, [2-57], (?:…), |, ?, {n} and {n,m}.
 */
interface Position {
  /** Bit n: takes the digit n. None: the end of a pattern. */
  readonly digits: number;
  readonly follow: readonly Position[];
  /** Of an end: whose. */
  readonly label: number;
}

interface State {
  readonly positions: readonly Position[];
  readonly next: (State | undefined)[];
  /** Labels of the patterns that match where the number ends here. */
  readonly labels: ReadonlySet<number>;
}

export class DigitAutomaton {
  readonly #start: State;
  /** By the ids of their positions. */
  readonly #states = new Map<string, State>();
  readonly #ids = new Map<Position, number>();

  /** Label of each pattern: its index. A pattern with `prefix` matches whatever begins with it. */
  constructor(patterns: readonly { readonly pattern: string; readonly prefix?: boolean }[]) {
    const entries = patterns.flatMap(({ pattern, prefix }, label) => {
      const end: Position = { digits: 0, follow: [], label };
      return new Compiler(pattern).compile(prefix ? [end, anyDigits(end)] : [end]);
    });
    this.#start = this.#stateOf(new Set(entries));
  }

  /** Labels of the patterns that match the digits of `text` from `from` to its end. The same digits, the same set. */
  match(text: string, from: number): ReadonlySet<number> {
    let state = this.#start;
    for (let at = from; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 48;
      state = state.next[digit] ?? this.#step(state, digit);
    }
    return state.labels;
  }

  #step(state: State, digit: number): State {
    const reached = new Set<Position>();
    for (const { digits, follow } of state.positions) {
      if ((digits >> digit) & 1) for (const position of follow) reached.add(position);
    }
    const next = this.#stateOf(reached);
    state.next[digit] = next;
    return next;
  }

  #stateOf(positions: ReadonlySet<Position>): State {
    const key = [...positions]
      .map((position) => this.#idOf(position))
      .sort((a, b) => a - b)
      .join();
    const known = this.#states.get(key);
    if (known) return known;
    const labels = [...positions].filter(({ digits }) => digits === 0).map(({ label }) => label);
    const state = {
      positions: [...positions],
      next: new Array<undefined>(10).fill(undefined),
      labels: new Set(labels),
    };
    this.#states.set(key, state);
    return state;
  }

  #idOf(position: Position): number {
    const id = this.#ids.get(position) ?? this.#ids.size;
    this.#ids.set(position, id);
    return id;
  }
}

const ANY = 0b11_1111_1111;

/** A position that takes any digits there are, and may end after each. */
function anyDigits(end: Position): Position {
  const follow: Position[] = [end];
  const loop: Position = { digits: ANY, follow, label: -1 };
  follow.push(loop);
  return loop;
}

/** A part of a pattern: given what may follow it, the positions it begins with. */
type Part = (follow: readonly Position[]) => readonly Position[];

/** Recursive descent over one pattern. */
class Compiler {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** @throws SyntaxError for what the patterns' language does not have */
  compile(follow: readonly Position[]): readonly Position[] {
    const part = this.#alternatives();
    if (this.#at < this.#pattern.length) this.#fail();
    return part(follow);
  }

  #alternatives(): Part {
    const branches = [this.#sequence()];
    while (this.#took('|')) branches.push(this.#sequence());
    return branches.length === 1
      ? branches[0]!
      : (follow) => [...new Set(branches.flatMap((branch) => branch(follow)))];
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at]!)) parts.push(this.#repeated());
    return (follow) => parts.reduceRight((after, part) => part(after), follow);
  }

  #repeated(): Part {
    const part = this.#single();
    const count = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(this.#pattern.slice(this.#at));
    if (!count) return part;
    this.#at += count[0].length;
    const least = Number(count[1] ?? 0);
    const most = count[1] === undefined ? 1 : Number(count[2] ?? least);
    return (follow) => {
      let after = follow;
      for (let extra = least; extra < most; extra++) after = [...new Set([...part(after), ...follow])];
      for (let needed = 0; needed < least; needed++) after = part(after);
      return after;
    };
  }

  #single(): Part {
    if (this.#took('(?:')) {
      const inner = this.#alternatives();
      if (!this.#took(')')) this.#fail();
      return inner;
    }
    const one = /^(?:\d|\\d|\[[\d-]+\])/.exec(this.#pattern.slice(this.#at))?.[0] ?? this.#fail();
    this.#at += one.length;
    const digits = one === '\\d' ? ANY : bitsOf(one);
    return (follow) => [{ digits, follow, label: -1 }];
  }

  #took(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #fail(): never {
    throw new SyntaxError(`not a pattern of digits: ${this.#pattern} at ${this.#at}`);
  }
}

/** `4` or `[2-57]` as bits. */
function bitsOf(text: string): number {
  let bits = 0;
  for (const [, low, high] of text.matchAll(/(\d)(?:-(\d))?/g)) {
    for (let digit = Number(low); digit <= Number(high ?? low); digit++) bits |= 1 << digit;
  }
  return bits;
}
