/**
 * Keys written in all objects of a JSON text (RFC 8259) that JSON.parse has read: more than its value has where one
 * object names a key twice.
 */
export function keysWritten(text: string): number {
  let keys = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at = behindString(text, at);
    if (text[behindSpace(text, at)] === ':') keys++;
  }
  return keys;
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
