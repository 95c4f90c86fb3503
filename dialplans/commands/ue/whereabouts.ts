/** Places of somebody else, by `--where`, now or each time, and the lines about them. */
import type { Position } from '../../../elements/air/index.ts'
import type { LocationRequest } from '../../../elements/schemas/index.ts'
import { describedPlace } from '../../../elements/shared/location/described-place.ts'
import { type ReadPlace, toldPlaceIn } from '../../../elements/shared/location/told-place.ts'
import { LocationClient, type UserAgent } from '../../../elements/ue/index.ts'
import { CommandRefusal } from '../support/refusal.ts'

export interface WhereaboutsOptions {
  readonly where?: string
  readonly each?: number
  readonly moved?: number
  readonly in?: WatchedCircle
}

/** Degrees and metres. */
interface WatchedCircle extends Position {
  readonly radius: number
}

/** Something that was told about somebody, or the end. */
export interface ToldWhereabouts extends ReadPlace {
  readonly target: string
  /** Reason of the end, such as `rejected`. */
  readonly ended?: string
}

interface Search {
  readonly agent: UserAgent
  /** SIP URI of whom it is about. */
  readonly target: string
  readonly options: WhereaboutsOptions
  readonly tell: (heard: ToldWhereabouts) => void
  /** Resolves when the command is to end. */
  readonly stopped: Promise<unknown>
}

/** `52.5200,13.4050,500`: latitude, longitude, metres. Throws a `CommandRefusal` where it is none. */
export function readCircle(text: string): WatchedCircle {
  const isNumbers = /^-?\d+(?:\.\d+)?,-?\d+(?:\.\d+)?,\d+(?:\.\d+)?$/.test(text)
  const [latitude = Number.NaN, longitude = Number.NaN, radius = Number.NaN] = text.split(',').map(Number)
  const isPlace = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
  if (!isNumbers || !isPlace || !(radius > 0 && radius <= 1e7))
    throw new CommandRefusal(`--in is ${text}; expected latitude,longitude,metres such as 52.5200,13.4050,500`)
  return { latitude, longitude, radius }
}

/** Options that need each other. */
export function checkWhereabouts({ each, in: circle, moved, where }: WhereaboutsOptions): void {
  if (each !== undefined && !(each >= 1 && each <= 86_400))
    throw new CommandRefusal(`--each is ${each}; expected 1 to 86400 seconds`)
  const given = [each, circle, moved].filter((one) => one !== undefined)
  if (where === undefined && given.length > 0)
    throw new CommandRefusal('--each, --moved and --in go with --where <user>; add that, or leave them out')
  if (given.length > 1) throw new CommandRefusal('--each, --moved and --in are three ways to be told; choose one')
}

function wishesOf({ each, in: circle, moved }: WhereaboutsOptions): LocationRequest | undefined {
  if (each !== undefined) return { type: 'periodic', period: each }
  if (moved !== undefined) return { type: 'moved', distance: moved, repeat: 'each' }
  if (circle === undefined) return undefined
  const { latitude, longitude, radius } = circle
  const area = { type: 'Point', coordinates: [longitude, latitude], radius } satisfies LocationRequest['area']
  return { type: 'area', area, on: ['enter', 'leave'], repeat: 'each' }
}

/** Asks, and tells until it is over. Whether anything was told. */
export async function follow({ agent, options, stopped, target, tell }: Search): Promise<boolean> {
  const client = new LocationClient(agent)
  const wishes = wishesOf(options)
  if (wishes === undefined) {
    const answer = await Promise.race([client.ask(target), stopped.then(() => undefined)])
    if (answer === undefined) return false
    const { document, why } = answer
    const found = document === undefined ? { ended: why } : toldPlaceIn(Buffer.from(document))
    tell({ target, ...found })
    return 'place' in found
  }
  let isTold = false
  const over = new Promise<void>((resolve) => {
    client.watch(target, wishes, ({ document, reason = '', state }) => {
      if (document !== undefined) {
        const found = toldPlaceIn(Buffer.from(document))
        isTold ||= found.note === undefined
        tell({ target, ...found })
      }
      if (state !== 'terminated' || !isEnd(reason)) return // else its agent asks again
      tell({ target, ended: reason })
      resolve()
    })
  })
  await Promise.race([over, stopped])
  return isTold
}

/** RFC 6665 §4.1.3: not to be asked again; or refused, or ended by us. */
function isEnd(reason: string): boolean {
  return ['rejected', 'noresource', 'invariant', 'unsubscribed'].includes(reason) || /^\d/.test(reason)
}

/** The same for people, in one line. */
export function whereaboutsWords({ ended, event, note, place, state, target }: ToldWhereabouts): string {
  const who = target.replace(/^sips?:/, '')
  if (ended !== undefined) return endWords(who, ended)
  if (note !== undefined) return `${who}: no place now (${note})`
  const where = place === undefined ? '' : `: ${describedPlace(place)}`
  if (event !== undefined) return `${who} ${eventWords[event] ?? event}${where}`
  return state === undefined ? `${who}${where}` : `${who} is ${state} the area${where}`
}

const eventWords: { readonly [event: string]: string } = {
  enter: 'has entered the area',
  leave: 'has left the area',
  inside: 'is inside the area',
}

function endWords(who: string, ended: string): string {
  if (ended === 'rejected') return `${who} does not tell you, or there is nobody of that name`
  if (ended === 'noresource') return `that was all of ${who}`
  return /^\d/.test(ended) ? `the request about ${who} was refused: ${ended}` : `${who} is not told any more: ${ended}`
}
