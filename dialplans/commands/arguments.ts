/** Arguments that several commands read alike. */
import { InvalidArgumentError } from 'commander'
import type { HostPort } from '../../signalling/index.ts'
import { parsePlace } from '../dialplan.ts'

/** `127.0.0.1:5060`, `[::1]:8080`. */
export function readPlace(text: string): HostPort {
  const place = parsePlace(text)
  if (place === undefined) throw new InvalidArgumentError('Expected address:port, such as 127.0.0.1:5060.')
  return place
}
