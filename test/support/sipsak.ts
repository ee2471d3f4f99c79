import { Program } from './program.js';

export interface SipsakResult {
  readonly status: number;
  readonly output: string;
}

/** Runs sipsak with these arguments; it gives up by itself within `limitMs`. */
export async function sipsak(args: readonly string[], limitMs = 15_000): Promise<SipsakResult> {
  const program = new Program('sipsak', args);
  const status = await program.finish(limitMs);
  return { status, output: program.tail(200) };
}
