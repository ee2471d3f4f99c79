/** The Debian packages that tests and benches use as peers, by the command each brings. The only list of them. */
export const DEBIAN_PACKAGES = [
  { command: 'sipp', package: 'sip-tester', neededFor: 'tests with SIPp as caller and answerer' },
  { command: 'baresip', package: 'baresip-core', neededFor: 'tests between two baresip phones' },
  { command: 'sipsak', package: 'sipsak', neededFor: 'tests with sipsak' },
  { command: 'rtpengine', package: 'rtpengine-daemon', neededFor: 'tests of the rtpengine media engine' },
  { command: 'linphonec', package: 'linphone-cli', neededFor: 'tests with a linphone phone' },
  {
    command: 'kamailio',
    package: 'kamailio',
    neededFor: 'tests with a proxy and registrar between, and the signalling bench',
  },
  { command: 'tshark', package: 'tshark', neededFor: 'checking RTP figures against Wireshark' },
  { command: 'openssl', package: 'openssl', neededFor: 'tests of TLS with certificates of their own' },
];
