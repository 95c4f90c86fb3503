/** A place out of the document that tells it (SPEC §8.5), as far as people read it. */
import type { Place } from '../schemas/index.ts'
import { readXml, type XmlElement } from '../shared/values/xml-tree.ts'

/** A place, or the note that stands for it: `position-timeout`. */
export type ReadPlace =
  | { readonly place: Place; readonly note?: undefined }
  | { readonly place?: undefined; readonly note: string }

const civicNames = ['country', 'A3'] // that a text has
const unreadable = 'its document cannot be read'

export function toldPlaceIn(document: Uint8Array): ReadPlace {
  const root = readXml(document)
  if ('fault' in root) return { note: unreadable }
  const [latitude, longitude] = (textOf(root, 'pos') ?? '').trim().split(/\s+/).map(Number)
  if (latitude === undefined || longitude === undefined || !Number.isFinite(latitude + longitude))
    return { note: textOf(root, 'note')?.replace(/^lr-[\w-]+: /, '') ?? unreadable }
  const radius = Number(textOf(root, 'radius') ?? textOf(root, 'semiMajorAxis') ?? Number.NaN)
  const point: Place['point'] = { type: 'Point', coordinates: [longitude, latitude] }
  const civic = Object.fromEntries(civicNames.map((name) => [name, textOf(root, name)]).filter(([, text]) => text !== undefined))
  return { place: { point, at: textOf(root, 'timestamp') ?? '', civic, ...(Number.isFinite(radius) ? { radius } : {}) } }
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
