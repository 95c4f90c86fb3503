/** A place out of the document that tells it (SPEC §8.5), as far as people read it. */
import type { Place } from '../../schemas/index.ts'
import { readXml, type XmlElement } from '../values/xml-tree.ts'

export interface ReadPlace {
  readonly place?: Place
  /** The note that stands for a place, such as `position-timeout`. */
  readonly note?: string
  /** Of an area: `enter`, `leave` or `inside`, and `inside` or `outside`. */
  readonly event?: string
  readonly state?: string
}

const civicNames = ['country', 'A3'] // that a text has
const unreadable = 'its document cannot be read'

export function toldPlaceIn(document: Uint8Array): ReadPlace {
  const root = readXml(document)
  if ('fault' in root) return { note: unreadable }
  const [event, state] = [textOf(root, 'event'), textOf(root, 'state')]
  const happened = { ...(event === undefined ? {} : { event }), ...(state === undefined ? {} : { state }) }
  const [latitude, longitude] = (textOf(root, 'pos') ?? '').trim().split(/\s+/).map(Number)
  if (latitude === undefined || longitude === undefined || !Number.isFinite(latitude + longitude)) {
    const note = textOf(root, 'note')?.replace(/^lr-[\w-]+: /, '')
    return note === undefined && state !== undefined ? happened : { ...happened, note: note ?? unreadable }
  }
  const radius = Number(textOf(root, 'radius') ?? textOf(root, 'semiMajorAxis') ?? Number.NaN)
  const point: Place['point'] = { type: 'Point', coordinates: [longitude, latitude] }
  const civic = Object.fromEntries(civicNames.map((name) => [name, textOf(root, name)]).filter(([, text]) => text !== undefined))
  const place = { point, at: textOf(root, 'timestamp') ?? '', civic, ...(Number.isFinite(radius) ? { radius } : {}) }
  return { place, ...happened }
}

/** Text of the first element of that name; undefined: there is none. */
function textOf(element: XmlElement, name: string): string | undefined {
  if (element.name === name) return element.text
  for (const child of element.children) {
    const text = textOf(child, name)
    if (text !== undefined) return text
  }
  return undefined
}
