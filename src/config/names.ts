/** What a member of a list is known by: its name, number or id; undefined where it has none. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, e164, username } = value as Record<string, unknown>;
  return [name, e164, username, id].find((one) => typeof one === 'string') as string | undefined;
}
