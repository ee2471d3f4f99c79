export { Connection } from './connection.js';
export { NetworkHost } from './host.js';
export { Link, type LinkQuality, PERFECT_LINK } from './link.js';
export { Network } from './network.js';
export { UdpFlow } from './udp-flow.js';
