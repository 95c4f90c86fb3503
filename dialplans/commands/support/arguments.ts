/** Arguments that several commands read alike. */
import { InvalidArgumentError } from 'commander'
import type { HostPort } from '../../../signalling/index.ts'
import { parsePlace } from '../../network/dialplan.ts'

/** The dialplan of commands that are told none: an image or a unit says it once for all of them. */
export const usualDialplan = process.env['PROXIMA_DIALPLAN'] || 'default.yaml'

/** `127.0.0.1:9060`, `udp:127.0.0.1:9060`, as other programs write it. */
export function readCollector(text: string): HostPort {
  return readPlace(text.replace(/^udp:(?:\/\/)?/i, ''))
}

/** `100MB`, `512kB`, `2000000`: bytes. */
export function readSize(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kMG]?)B?$/i.exec(text) ?? []
  const bytes = Number(number) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit.toLowerCase() as '' | 'k' | 'm' | 'g']
  if (!(bytes >= 10_000)) throw new InvalidArgumentError('Expected a size of 10kB or more, such as 100MB.')
  return bytes
}

/** A name that an option is given once. */
export function readOnce(text: string, earlier: string | undefined): string {
  if (earlier !== undefined) throw new InvalidArgumentError(`Expected the option once: ${earlier} was given before.`)
  return text
}

/** A whole number, 1 or more. */
export function readCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return Number(text)
}

/** `127.0.0.1:5060`, `[::1]:8080`. */
export function readPlace(text: string): HostPort {
  const place = parsePlace(text)
  if (place === undefined) throw new InvalidArgumentError('Expected address:port, such as 127.0.0.1:5060.')
  return place
}
