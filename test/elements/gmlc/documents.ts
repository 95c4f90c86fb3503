/** Location documents of each shape, for tests. */
import {
  type CivicAddress,
  eventDocument,
  type LocatedShape,
  locationDocument,
  noteDocument,
} from '../../../elements/gmlc/location-document.ts'

export const names = {
  target: 'sip:ue1@home.example',
  request: 'lr-0Zb4mE1x2kQ7nP9sT3vW5y',
  device: 'urn:uuid:6f0e4d4c-93a7-4a4e-8f0b-2f6d4a1c7b90',
}
const at = Date.parse('2026-11-22T10:00:00.400Z')
export const times = { at, keepUntil: at + 3_600_000 }
const civic: CivicAddress = { A3: 'Neustadt <West> & "Ost"', country: 'DE', A1: 'Bayern' }
const full: CivicAddress = { ...civic, A2: 'Schwaben', A4: 'Mitte', A5: 'Nord', A6: 'Hauptstraße' }
const ring = [
  [13.4, 52.51],
  [13.42, 52.51],
  [13.42, 52.53],
  [13.4, 52.51],
] as const
/** Each shape, and XML that it has to have. */
export const shapes: readonly (readonly [name: string, shape: LocatedShape, element: string])[] = [
  ['point', { point: [151.21, -33.86] }, '<gml:pos>-33.86 151.21</gml:pos></gml:Point>'],
  [
    'circle',
    { point: [151.21, -33.86], radius: 35 },
    '<gml:pos>-33.86 151.21</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">35</gs:radius>',
  ],
  ['ellipse', { point: [151.21, -33.86], ellipse: { semiMajor: 120, semiMinor: 40, orientation: 30 } }, '>30</gs:orientation>'],
  ['polygon', { ring }, '<gml:posList>52.51 13.4 52.51 13.42 52.53 13.42 52.51 13.4</gml:posList>'],
]
/** By name. */
export const documents: readonly (readonly [name: string, document: string])[] = [
  ...shapes.map(([name, shape]) => [name, locationDocument(names, { ...times, shape, confidence: 95, method: 'Cell' })] as const),
  ['event', locationDocument(names, { ...times, shape: shapes[1]![1], civic, event: 'enter', state: 'inside' })] as const,
  ['civic', locationDocument(names, { ...times, shape: shapes[0]![1], civic: full })] as const,
  ['event alone', eventDocument(names, { at, event: 'leave', state: 'outside' })] as const,
  ['note', noteDocument(names, 'waiting for <the> target')] as const,
]
