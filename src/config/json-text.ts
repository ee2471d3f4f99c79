import type { Path } from './path.js';

/**
 * Where things stand in a JSON text (RFC 8259), which JSON.parse does not tell: the line of a value, and how many keys
 * are written. Both look at text that JSON.parse has read already, so it is known to be whole.
 */

/** Keys written in all objects of the text: more than the parsed value has where one object names a key twice. */
export function keysWritten(text: string): number {
  let keys = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at = behindString(text, at);
    if (text[behindSpace(text, at)] === ':') keys++;
  }
  return keys;
}

/** Line (from 1) of the value at `path`, or of its nearest parent that is in the text; undefined for the empty path. */
export function jsonLineOf(text: string, path: Path): number | undefined {
  let found: number | undefined;
  let at = behindSpace(text, 0);
  for (const step of path) {
    const member = memberAt(text, at, step);
    if (member === undefined) break;
    found = at = member;
  }
  return found === undefined ? undefined : text.slice(0, found).split('\n').length;
}

/** Where the member of the object or list at `at` begins. */
function memberAt(text: string, at: number, step: PropertyKey): number | undefined {
  const open = text[at];
  if (open !== '{' && open !== '[') return undefined;
  for (let index = 0, next = behindSpace(text, at + 1); text[next] !== '}' && text[next] !== ']'; index++) {
    let name: PropertyKey = index;
    if (open === '{') {
      const end = behindString(text, next);
      name = JSON.parse(text.slice(next, end)) as string;
      next = behindSpace(text, behindSpace(text, end) + 1);
    }
    if (name === step) return next;
    next = behindSpace(text, behindValue(text, next));
    if (text[next] === ',') next = behindSpace(text, next + 1);
  }
  return undefined;
}

function behindValue(text: string, at: number): number {
  if (text[at] === '"') return behindString(text, at);
  if (text[at] !== '{' && text[at] !== '[') return at + /^[^\s,\]}]*/.exec(text.slice(at, at + 400))![0].length;
  let depth = 0;
  for (let next = at; ; next++) {
    const letter = text[next];
    if (letter === '"') next = behindString(text, next) - 1;
    else if (letter === '{' || letter === '[') depth++;
    else if ((letter === '}' || letter === ']') && --depth === 0) return next + 1;
  }
}

/** Behind the closing quote of the string that begins at `at`. */
function behindString(text: string, at: number): number {
  let next = at + 1;
  while (text[next] !== '"') next += text[next] === '\\' ? 2 : 1;
  return next + 1;
}

function behindSpace(text: string, at: number): number {
  let next = at;
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
  return next;
}
