/** Files that `proxima ue` sends by `--send`. */
import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { UePushClient } from '../../../../elements/ue/index.ts'
import { CommandRefusal } from '../../support/refusal.ts'
import type { SentMessage } from '../text-message.ts'

interface OutgoingFile {
  readonly to: string
  readonly type: string
  readonly content: Buffer
}

const longest = 60_000 // bytes: with its header a message has 65,535 at most
const types: { readonly [ending: string]: string } = {
  ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', svg: 'image/svg+xml' },
  ...{ txt: 'text/plain; charset=utf-8', md: 'text/markdown; charset=utf-8', html: 'text/html; charset=utf-8' },
  ...{ csv: 'text/csv; charset=utf-8', vcf: 'text/vcard; charset=utf-8', ics: 'text/calendar; charset=utf-8' },
  ...{
    pdf: 'application/pdf',
    json: 'application/json',
    mp3: 'audio/mpeg',
    ogg: 'audio/ogg',
    wav: 'audio/wav',
    mp4: 'video/mp4',
  },
}

/** The values of `--send <whom> <file>`. Throws a `CommandRefusal` where they are others, or the file is not there. */
export function readOutgoingFile(values: readonly string[]): OutgoingFile {
  const [to, path, ...others] = values
  if (to === undefined || path === undefined || others.length > 0)
    throw new CommandRefusal(`--send has ${values.length} values; expected a user and a file, such as carol picture.png`)
  const content = read(path)
  if (content.length > longest) throw new CommandRefusal(`${path} has ${content.length} bytes; a Push carries ${longest} at most`)
  return { to, content, type: types[extname(path).slice(1).toLowerCase()] ?? 'application/octet-stream' }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new CommandRefusal(`${path} cannot be read (${String(error)}); --send wants a user and a file`, error)
  }
}

/**
 * Sends it, asking to be told what becomes of it. Never rejects.
 * @param ordinary address of a user of that name, for one whom no entry and no address book knows
 */
export async function sendFile(
  client: UePushClient,
  { content, to: name, type }: OutgoingFile,
  ordinary: (name: string) => string,
): Promise<SentMessage> {
  const found = await client.finder.destination(name)
  const isNobody = 'status' in found && found.status !== 485
  const to = isNobody && /^[\w.+-]+$/.test(name) ? ordinary(name) : name
  const wishes = ['positive-delivery', 'negative-delivery', 'display'] as const
  const sent = await client.send({ to, type, content, wishes })
  const { reason, status, unheard, warning } = sent
  const optional = { ...(warning === undefined ? {} : { warning }), ...(unheard === undefined ? {} : { unheard }) }
  return { to: sent.to ?? to, status, reason, ...optional }
}
