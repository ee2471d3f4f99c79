/**
 * A strict small reader of PIDF-LO documents (RFC 4119, profile of RFC 5491), for the rehearsal of emergency calls. What
 * it checks: XML is well-formed (one root, matching tags, attributes quoted and once, known entities; neither DOCTYPE nor
 * other entities are taken), names resolve to namespaces, and the document has the parts that a location needs:
 *
 *     presence@entity ─► tuple | device | person ─► geopriv ─► location-info ─► civicAddress | Point | Circle | …
 *                                                       └────► usage-rules
 *
 * What it does not check: the full XML Schemas, value lists of civic elements, and whether the place exists.
 */

const PIDF = 'urn:ietf:params:xml:ns:pidf';
const GEOPRIV = 'urn:ietf:params:xml:ns:pidf:geopriv10';
const DATA_MODEL = 'urn:ietf:params:xml:ns:pidf:data-model';
const CIVIC = ['urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr', 'urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc'];
const GML = 'http://www.opengis.net/gml';
const SHAPES = 'http://www.opengis.net/pidflo/1.0';

interface Element {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
  text: string;
}

export interface PidfOutcome {
  readonly faults: readonly string[];
  /** What the location is, where it is valid. */
  readonly summary: string;
}

/** Validates a document; every fault found is told. */
export function checkPidfLo(document: string): PidfOutcome {
  let root: Element;
  try {
    root = readXml(document);
  } catch (error) {
    return { faults: [`not well-formed: ${(error as Error).message}`], summary: '' };
  }
  const faults: string[] = [];
  const locations = locationsOf(root, faults);
  const summary = locations.map((location) => judgeLocation(location, faults)).join(', ');
  return { faults, summary };
}

function locationsOf(root: Element, faults: string[]): Element[] {
  if (root.namespace !== PIDF || root.name !== 'presence') {
    faults.push(`the root must be presence of ${PIDF}`);
    return [];
  }
  if (!root.attributes.get('entity')) faults.push('presence must have an entity (RFC 3863 §4.1.1)');
  const holders = root.children.filter(
    ({ namespace, name }) =>
      (namespace === PIDF && name === 'tuple') ||
      (namespace === DATA_MODEL && (name === 'device' || name === 'person')),
  );
  for (const holder of holders) if (!holder.attributes.get('id')) faults.push(`${holder.name} must have an id`);
  const found = holders.flatMap((holder) => descendants(holder, GEOPRIV, 'geopriv'));
  if (found.length === 0) faults.push('no tuple, device or person holds a geopriv element (RFC 4119 §2.2)');
  return found;
}

/** One geopriv element: what place it tells of. */
function judgeLocation(geopriv: Element, faults: string[]): string {
  const child = (name: string) => geopriv.children.find((one) => one.namespace === GEOPRIV && one.name === name);
  if (!child('usage-rules')) faults.push('geopriv must have usage-rules (RFC 4119 §2.2)');
  const info = child('location-info');
  if (!info) {
    faults.push('geopriv must have location-info (RFC 4119 §2.2)');
    return '';
  }
  const forms = info.children.flatMap((form) => judgeForm(form, faults));
  if (forms.length === 0) faults.push('location-info holds no civic address and no shape of RFC 5491 §5');
  return forms.join(' and ');
}

function judgeForm(form: Element, faults: string[]): string[] {
  if (CIVIC.includes(form.namespace) && form.name === 'civicAddress') {
    const country = form.children.find(({ name }) => name === 'country')?.text.trim() ?? '';
    if (!/^[A-Z]{2}$/i.test(country)) faults.push('civicAddress must have a country of two letters (RFC 4776 §3.1)');
    const missing = ['A1', 'A3'].filter(
      (name) => !form.children.some((one) => one.name === name && one.text.trim() !== ''),
    );
    return [`civic address in ${country}${missing.length > 0 ? ` (without ${missing.join(', ')})` : ''}`];
  }
  if (![GML, SHAPES].includes(form.namespace) || !SHAPE_NAMES.has(form.name)) return [];
  const positions = [...descendants(form, GML, 'pos'), ...descendants(form, GML, 'posList')];
  if (positions.length === 0) faults.push(`${form.name} has no gml:pos`);
  for (const { text } of positions) judgePosition(form.name, text, faults);
  if (form.name === 'Circle') judgeRadius(form, faults);
  if (!/^urn:ogc:def:crs:EPSG::(4326|4979)$/.test(form.attributes.get('srsName') ?? '')) {
    faults.push(`${form.name} must have srsName urn:ogc:def:crs:EPSG::4326 or ::4979 (RFC 5491 §5)`);
  }
  return [`${form.name} at ${positions[0]?.text.trim() ?? '?'}`];
}

const SHAPE_NAMES = new Set(['Point', 'Polygon', 'Circle', 'Ellipse', 'ArcBand', 'Sphere', 'Ellipsoid', 'Prism']);

function judgePosition(shape: string, text: string, faults: string[]): void {
  const numbers = text.trim().split(/\s+/).map(Number);
  const [latitude = Number.NaN, longitude = Number.NaN] = numbers;
  const sound = numbers.every(Number.isFinite) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  if (!sound) faults.push(`${shape}: ${JSON.stringify(text.trim())} is no position: latitude and longitude in degrees`);
}

function judgeRadius(circle: Element, faults: string[]): void {
  const radius = circle.children.find(({ name }) => name === 'radius');
  if (!radius || !(Number(radius.text) > 0)) faults.push('Circle must have a radius above 0 (RFC 5491 §5.2.3)');
  else if (radius.attributes.get('uom') !== 'urn:ogc:def:uom:EPSG::9001') {
    faults.push('radius must be in metres: uom urn:ogc:def:uom:EPSG::9001');
  }
}

function descendants(element: Element, namespace: string, name: string): Element[] {
  return element.children.flatMap((child) => [
    ...(child.namespace === namespace && child.name === name ? [child] : []),
    ...descendants(child, namespace, name),
  ]);
}

// --- XML ---------------------------------------------------------------------------------------------------------

const NAME = '[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?';
const TOKEN = new RegExp(
  [
    '<\\?[^]*?\\?>',
    '<!--(?:(?!--)[^])*-->',
    '<!\\[CDATA\\[[^]*?\\]\\]>',
    `</(?<close>${NAME})\\s*>`,
    `<(?<open>${NAME})(?<attributes>(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(?<empty>/?)>`,
    '[^<]+',
  ].join('|'),
  'y',
);
const MAX_DEPTH = 64;

interface Open {
  readonly tag: string;
  readonly element: Element;
  readonly namespaces: ReadonlyMap<string, string>;
}

/** @throws Error saying what is not well-formed, and where */
function readXml(document: string): Element {
  const text = document.replace(/^\uFEFF/, '');
  const stack: Open[] = [];
  let root: Element | undefined;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`unexpected text at character ${at}: ${JSON.stringify(text.slice(at, at + 20))}`);
    const { open, close, attributes = '', empty } = match.groups ?? {};
    if (open !== undefined) {
      if (root && stack.length === 0) throw new Error('more than one root element');
      if (stack.length >= MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH} elements`);
      const opened = openElement(open, attributes, stack.at(-1));
      stack.at(-1)?.element.children.push(opened.element);
      root ??= opened.element;
      if (empty !== '/') stack.push(opened);
    } else if (close !== undefined) {
      const opened = stack.pop();
      if (opened?.tag !== close) throw new Error(`</${close}> closes ${opened ? `<${opened.tag}>` : 'nothing'}`);
    } else addText(match[0], stack.at(-1)?.element);
  }
  const left = stack.at(-1);
  if (left) throw new Error(`<${left.tag}> is not closed`);
  if (!root) throw new Error('there is no element');
  return root;
}

function addText(token: string, element: Element | undefined): void {
  if (token.startsWith('<?') || token.startsWith('<!--')) return;
  const text = token.startsWith('<![CDATA[') ? token.slice(9, -3) : unescaped(token);
  if (element) element.text += text;
  else if (text.trim() !== '') throw new Error('text outside the root element');
}

function openElement(tag: string, attributeText: string, parent: Open | undefined): Open {
  const attributes = new Map<string, string>();
  for (const [, name = '', quoted = ''] of attributeText.matchAll(
    new RegExp(`(${NAME})\\s*=\\s*("[^"]*"|'[^']*')`, 'g'),
  )) {
    if (attributes.has(name)) throw new Error(`<${tag}> has ${name} twice`);
    attributes.set(name, unescaped(quoted.slice(1, -1)));
  }
  const namespaces = new Map(parent?.namespaces);
  for (const [name, value] of attributes) {
    if (name === 'xmlns') namespaces.set('', value);
    else if (name.startsWith('xmlns:')) namespaces.set(name.slice(6), value);
  }
  const colon = tag.indexOf(':');
  const prefix = colon < 0 ? '' : tag.slice(0, colon);
  const namespace = namespaces.get(prefix);
  if (namespace === undefined && prefix !== '')
    throw new Error(`<${tag}>: the prefix ${prefix} stands for no namespace`);
  const element = { namespace: namespace ?? '', name: tag.slice(colon + 1), attributes, children: [], text: '' };
  return { tag, element, namespaces };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&([^;&\s]*);?/g, (whole, name: string) => {
    const code = /^#(\d{1,7})$/.exec(name)?.[1] ?? /^#x([\da-f]{1,6})$/i.exec(name)?.[1];
    const point = code === undefined ? undefined : Number.parseInt(code, name.startsWith('#x') ? 16 : 10);
    const value = point !== undefined && point <= 0x10ffff ? String.fromCodePoint(point) : ENTITIES[name];
    if (value === undefined || !whole.endsWith(';')) throw new Error(`${whole} is no entity`);
    return value;
  });
}
