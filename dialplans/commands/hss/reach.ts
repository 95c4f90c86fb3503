/** The address and token of the node whose subscribers a command is about. */
import { join } from 'node:path'
import { printHostPort } from '../../../signalling/index.ts'
import { readToken, tokenFile } from '../../http/access.ts'
import { reachableHost } from '../../network/dialplan.ts'
import { unreadable } from '../../network/text.ts'
import { readDialplan } from '../support/network.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { SubscriberClient } from './client.ts'

/** As the command line has it. */
export interface NodeReach {
  readonly dialplan: string
  /** The node that runs the HSS, in a network of several nodes. */
  readonly node?: string
  /** The operator of the HSS, where the dialplan has several. */
  readonly operator?: string
  readonly url?: string
  readonly tokenFile?: string
}

/** The node of a dialplan, with the token of its data folder; the options go before. Throws a `CommandRefusal`. */
export function reach({ dialplan, node, operator, url, tokenFile: file }: NodeReach): SubscriberClient {
  if (url !== undefined && file !== undefined)
    return new SubscriberClient(url, tokenIn(file, 'give a file with the token of the node'), file)
  const { http, api, data } = readDialplan(dialplan, { node, operator })
  if (url === undefined && http === undefined) {
    throw new CommandRefusal(`${dialplan} has no \`http:\`, so its node serves no subscribers; say where one is with --url`)
  }
  const place = url ?? `http://${printHostPort({ host: reachableHost(http!.host), port: http!.port })}`
  if (file !== undefined) return new SubscriberClient(place, tokenIn(file, 'give a file with the token of the node'), file)
  if (api?.token !== undefined) return new SubscriberClient(place, api.token, `api.token of ${dialplan}`)
  if (data === 'memory') throw new CommandRefusal(`${dialplan} keeps no data and has no api.token; set one, or give --token-file`)
  const kept = join(data, tokenFile)
  return new SubscriberClient(
    place,
    tokenIn(kept, 'the node makes it at its first start: run this where it runs, or give --token-file'),
    kept,
  )
}

function tokenIn(file: string, hint: string): string {
  try {
    return readToken(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CommandRefusal(code === undefined ? message : `${file}: ${unreadable(error)}; ${hint}`, error)
  }
}
