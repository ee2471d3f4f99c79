import { describe, expect, it } from 'vitest';
import { checkPidfLo } from '../../src/control/pidf-lo.js';

const geopriv = (info: string, rules = '<gp:usage-rules/>') => `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
  xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" xmlns:gml="http://www.opengis.net/gml"
  xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:user@example.com">
 <!-- RFC 5491 -->
 <tuple id="a6fea09"><status><gp:geopriv><gp:location-info>${info}</gp:location-info>${rules}</gp:geopriv></status>
 <timestamp>2026-01-01T00:00:00Z</timestamp></tuple></presence>`;

const POINT = '<gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>47.61 -122.33</gml:pos></gml:Point>';
const CIRCLE = (radius: string) =>
  `<gs:Circle srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.5463 -73.2512</gml:pos>${radius}</gs:Circle>`;
const CIVIC =
  '<ca:civicAddress xml:lang="en"><ca:country>US</ca:country><ca:A1>WA</ca:A1><ca:A3>Seattle</ca:A3></ca:civicAddress>';

describe('a PIDF-LO document', () => {
  it.each([
    ['point', POINT, 'Point at 47.61 -122.33'],
    ['civic address', CIVIC, 'civic address in US'],
    ['circle', CIRCLE('<gs:radius uom="urn:ogc:def:uom:EPSG::9001">850.24</gs:radius>'), 'Circle at 42.5463 -73.2512'],
    ['both forms', `${POINT}${CIVIC}`, 'Point at 47.61 -122.33 and civic address in US'],
  ])('is valid with a %s', (_, info, summary) => {
    expect(checkPidfLo(geopriv(info))).toEqual({ faults: [], summary });
  });

  it.each([
    ['no usage rules', geopriv(POINT, ''), 'geopriv must have usage-rules'],
    ['an empty location', geopriv(''), 'holds no civic address and no shape'],
    ['a place off the globe', geopriv(POINT.replace('47.61', '97')), 'is no position'],
    ['an unknown reference system', geopriv(POINT.replace('4326', '3857')), 'must have srsName'],
    ['a circle without radius', geopriv(CIRCLE('')), 'must have a radius above 0'],
    ['a country of three letters', geopriv(CIVIC.replace('>US<', '>USA<')), 'country of two letters'],
    ['no entity', geopriv(POINT).replace(/ entity="[^"]*"/, ''), 'presence must have an entity'],
    ['another root', '<a/>', 'the root must be presence'],
  ])('with %s is told so', (_, document, fault) => {
    expect(checkPidfLo(document).faults.join('; ')).toContain(fault);
  });

  it.each([
    ['tags that cross', '<a><b></a></b>', '</a> closes <b>'],
    ['an open tag', '<a><b/>', '<a> is not closed'],
    ['two roots', '<a/><b/>', 'more than one root'],
    ['an attribute twice', '<a b="1" b="2"/>', 'has b twice'],
    ['an attribute without quotes', '<a b=1/>', 'unexpected text'],
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'unexpected text'],
    ['an unknown entity', '<a>&x;</a>', '&x; is no entity'],
    ['an unknown prefix', '<x:a/>', 'stands for no namespace'],
    ['nothing', '', 'there is no element'],
    ['endless nesting', '<a>'.repeat(100), 'nested deeper'],
  ])('with %s is not well-formed', (_, document, fault) => {
    expect(checkPidfLo(document).faults).toEqual([expect.stringContaining(fault)]);
  });
});
