/** Documents about where a target is, for its askers (SPEC §8.5): PIDF-LO (RFC 4119, RFC 5491) in `dm:device` (RFC 4479). */
import { escaped } from '../shared/values/xml.ts'

type Position = readonly [longitude: number, latitude: number]

/** The shape of a place, in degrees and metres, as JSON has it: longitude first. */
export type LocatedShape =
  | { readonly point: Position }
  | { readonly point: Position; readonly radius: number }
  | {
      readonly point: Position
      readonly ellipse: { readonly semiMajor: number; readonly semiMinor: number; readonly orientation: number }
    }
  /** Closed, counter-clockwise. */
  | { readonly ring: readonly Position[] }

/** Elements of RFC 5139, in their order there. */
const civicNames = ['country', 'A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'RD', 'HNO', 'PC'] as const

export type CivicAddress = { readonly [name in (typeof civicNames)[number]]?: string }

/** Event of an area, or the state of a target in it. */
export interface EventReport {
  readonly event?: 'enter' | 'leave' | 'inside' | undefined
  readonly state?: 'inside' | 'outside' | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
}

interface LocatedReport extends EventReport {
  readonly shape: LocatedShape
  readonly civic?: CivicAddress
  /** Percent. */
  readonly confidence?: number
  /** IANA method token, such as `Cell`. */
  readonly method?: string
  /** Milliseconds since the epoch until which it may be kept. */
  readonly keepUntil: number
}

interface DocumentNames {
  /** Canonical URI of the target. */
  readonly target: string
  /** `lr-…` */
  readonly request: string
  /** Pseudonym of the target's device for this client, a URN. */
  readonly device: string
}

const pidf = 'urn:ietf:params:xml:ns:pidf'
const namespaces = [
  `xmlns="${pidf}"`,
  `xmlns:dm="${pidf}:data-model"`,
  `xmlns:gp="${pidf}:geopriv10"`,
  `xmlns:gbp="${pidf}:geopriv10:basicPolicy"`,
  'xmlns:gml="http://www.opengis.net/gml"',
  'xmlns:gs="http://www.opengis.net/pidflo/1.0"',
  `xmlns:ca="${pidf}:geopriv10:civicAddr"`,
  'xmlns:con="urn:ietf:params:xml:ns:geopriv:conf"',
  'xmlns:px="urn:proxima:location"',
].join(' ')
const head = '<?xml version="1.0" encoding="UTF-8"?>\n'
const system = 'srsName="urn:ogc:def:crs:EPSG::4326"' // latitude first
const metres = 'uom="urn:ogc:def:uom:EPSG::9001"'
const degrees = 'uom="urn:ogc:def:uom:EPSG::9102"'

/** The document of a report with a place. */
export function locationDocument({ device, request, target }: DocumentNames, report: LocatedReport): string {
  const { at, civic, confidence, event, keepUntil, method, shape, state } = report
  const location = [
    shapeElement(shape),
    civic === undefined ? '' : civicElement(civic),
    confidence === undefined ? '' : `<con:confidence pdf="normal">${confidence}</con:confidence>`,
  ].join('')
  const rules = `<gbp:retransmission-allowed>false</gbp:retransmission-allowed><gbp:retention-expiry>${timeOf(keepUntil)}</gbp:retention-expiry>`
  const geopriv = [
    `<gp:location-info>${location}</gp:location-info>`,
    `<gp:usage-rules>${rules}</gp:usage-rules>`,
    method === undefined ? '' : `<gp:method>${escaped(method)}</gp:method>`,
  ].join('')
  const parts = [
    `<gp:geopriv>${geopriv}</gp:geopriv>`,
    ...eventElements({ event, state }),
    `<dm:deviceID>${escaped(device)}</dm:deviceID>`,
    `<dm:timestamp>${timeOf(at)}</dm:timestamp>`,
  ].join('')
  return `${head}<presence ${namespaces} entity="${escaped(target)}"><dm:device id="${request}">${parts}</dm:device></presence>`
}

/** The document of an event without a place (SPEC §8.2, `report`). */
export function eventDocument({ device, request, target }: DocumentNames, { at, event, state }: EventReport): string {
  const parts = [
    ...eventElements({ event, state }),
    `<dm:deviceID>${escaped(device)}</dm:deviceID>`,
    `<dm:timestamp>${timeOf(at)}</dm:timestamp>`,
  ].join('')
  return `${head}<presence ${namespaces} entity="${escaped(target)}"><dm:device id="${request}">${parts}</dm:device></presence>`
}

function eventElements({ event, state }: Pick<EventReport, 'event' | 'state'>): readonly string[] {
  return [
    ...(event === undefined ? [] : [`<px:event>${event}</px:event>`]),
    ...(state === undefined ? [] : [`<px:state>${state}</px:state>`]),
  ]
}

/** The document of a request that has no place to tell, with why. */
export function noteDocument({ request, target }: Omit<DocumentNames, 'device'>, note: string): string {
  return `${head}<presence xmlns="${pidf}" entity="${escaped(target)}"><note xml:lang="en">${request}: ${escaped(note)}</note></presence>`
}

function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** GML has latitude first; JSON has it second. */
function positionOf([longitude, latitude]: Position): string {
  return `${latitude} ${longitude}`
}

function shapeElement(shape: LocatedShape): string {
  if ('ring' in shape) {
    const list = shape.ring.map(positionOf).join(' ')
    return `<gml:Polygon ${system}><gml:exterior><gml:LinearRing><gml:posList>${list}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`
  }
  const position = `<gml:pos>${positionOf(shape.point)}</gml:pos>`
  if ('radius' in shape) return `<gs:Circle ${system}>${position}<gs:radius ${metres}>${shape.radius}</gs:radius></gs:Circle>`
  if (!('ellipse' in shape)) return `<gml:Point ${system}>${position}</gml:Point>`
  const { orientation, semiMajor, semiMinor } = shape.ellipse
  const axes = `<gs:semiMajorAxis ${metres}>${semiMajor}</gs:semiMajorAxis><gs:semiMinorAxis ${metres}>${semiMinor}</gs:semiMinorAxis>`
  return `<gs:Ellipse ${system}>${position}${axes}<gs:orientation ${degrees}>${orientation}</gs:orientation></gs:Ellipse>`
}

function civicElement(civic: CivicAddress): string {
  const elements = civicNames.map((name) => (civic[name] === undefined ? '' : `<ca:${name}>${escaped(civic[name])}</ca:${name}>`))
  return `<ca:civicAddress>${elements.join('')}</ca:civicAddress>`
}
