const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * What limits and bans go by where a source is one peer: an IPv4 address itself, of an IPv6 address its /64, for whoever
 * has one address of that has all of them (RFC 6177 §2, RFC 7707 §2).
 * @param address literal without brackets or zone, IPv4-mapped ones as IPv4
 * @returns such as `192.0.2.1`, `2001:db8:0:1::/64`
 */
export function sourceNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const middle = Array<string>(Math.max(0, GROUPS - front.length - back.length)).fill('0');
  return `${[...front, ...middle, ...back].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

/** An IPv4 part at the end stands for two groups, none of which is in the network. */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
