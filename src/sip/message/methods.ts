/** Methods of the IANA registry "SIP Methods". */
export const REGISTERED_METHODS: ReadonlySet<string> = new Set([
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK', 'UPDATE', 'INFO', 'MESSAGE', 'SUBSCRIBE'],
  ...['NOTIFY', 'REFER', 'PUBLISH'],
]);
