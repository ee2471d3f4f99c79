export { callingCodeDigits, countryOf } from './country.js';
export { formatNumber } from './format.js';
export { isPlainE164, printable, type Reading, readNumber } from './normalize.js';
