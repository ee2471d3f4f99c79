/** Where in a configuration a value stands. */
export type Path = readonly PropertyKey[];

/** `['voiceConnectors', 0, 'termination']` → `voiceConnectors[0].termination`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(String(step))) text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}
