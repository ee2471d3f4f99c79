/**
 * The large installation that benches of decisions, of starting up and of changes go by: 1,000 connectors with 100,000
 * numbers between them, 200 carriers with 5,000 prefixes, in the notation of the configuration file. Always the same.
 */
export const SIZES = { connectors: 1000, numbers: 100_000, carriers: 200, prefixes: 5000 };
export const SIZES_TEXT = `${SIZES.connectors} connectors, ${SIZES.numbers} numbers, ${SIZES.carriers} carriers, ${SIZES.prefixes} prefixes`;
export const NUMBERS_EACH = SIZES.numbers / SIZES.connectors;

export const idOf = (index) => `connector${String(index).padStart(13, '0')}`;
export const networkOf = (index) => `10.${index >> 8}.${index & 255}`;

/** Number of the index: 10 digits of the North American plan, all in area code 206 and up. */
export const numberOf = (index) =>
  `+1${206 + Math.floor(index / 100_000)}${String(2_000_000 + (index % 100_000)).padStart(7, '0')}`;

const connector = (index) => ({
  id: idOf(index),
  name: `connector ${index}`,
  termination: {
    cidrAllowedList: [`${networkOf(index)}.0/24`],
    callingRegions: ['US', 'CA', 'GB', 'DE', 'FR'],
    cpsLimit: 10_000,
    maxCalls: 1_000_000,
    blockedPrefixes: ['+1900'],
  },
  origination: {
    routes: [1, 2, 3].map((last) => ({
      host: `${networkOf(index)}.${last}`,
      priority: last === 3 ? 2 : 1,
      weight: last,
    })),
  },
  phoneNumbers: Array.from({ length: NUMBERS_EACH }, (_, at) => numberOf(index * NUMBERS_EACH + at)),
});

const carrier = (index, prefixes) => ({
  name: `carrier-${index}`,
  hosts: [1, 2].map((last) => ({ host: `192.168.${index}.${last}`, weight: last })),
  prefixes,
  priority: 1 + (index % 3),
  weight: 1 + (index % 10),
  sources: [`192.168.${index}.0/24`],
  callsPerSecond: 10_000,
  maxCalls: 1_000_000,
});

/** 25 prefixes for each carrier: country codes, area codes and ranges, a default for a few. */
function prefixLists(below) {
  const areas = ['+1', '+44', '+49', '+33'];
  const digits = (count) => Array.from({ length: count }, () => below(10)).join('');
  return Array.from({ length: SIZES.carriers }, (_, index) => {
    const list = new Set(index < 5 ? ['+'] : []);
    while (list.size < SIZES.prefixes / SIZES.carriers) list.add(areas[below(4)] + digits(1 + below(5)));
    return [...list];
  });
}

/** @param below (limit) → an integer in [0, limit), seeded */
export function largeConfiguration(below) {
  const lists = prefixLists(below);
  return {
    domain: 'voice.example.com',
    carriers: Array.from({ length: SIZES.carriers }, (_, index) => carrier(index, lists[index])),
    voiceConnectors: Array.from({ length: SIZES.connectors }, (_, index) => connector(index)),
  };
}
