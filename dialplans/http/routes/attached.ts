/** Users attached to the MMEs of this node, over HTTP (SPEC §3.6): a temporary identifier, and another one on request. */
import type { IncomingMessage } from 'node:http'
import type { AttachedUe, Mme } from '../../../elements/mme/index.ts'
import { type HttpPage, HttpProblem, json } from '../../../elements/shared/http/page.ts'
import { whoOf } from '../access.ts'
import type { ApiOptions } from '../options.ts'

/** MMEs of a user on this node: one, or two while he moves. */
export async function attachedAt(user: string, options: ApiOptions): Promise<HttpPage> {
  const found = await places(user, options)
  const at = found.map(({ mme, attached: { temporary, validUntil } }) => ({
    mme: mme.name,
    temporary,
    validUntil: new Date(validUntil).toISOString(),
  }))
  return { ...json(200, { device: found[0]!.attached.device, at }), headers: { 'Cache-Control': 'no-store' } }
}

/** Another temporary identifier at each of them; the UE is told, and the old one counts for the grace period. */
export async function reallocate(request: IncomingMessage, user: string, options: ApiOptions): Promise<HttpPage> {
  for (const { mme, attached } of await places(user, options)) {
    await mme.reallocate(attached.device)
    options.log.info({ who: whoOf(request), mme: mme.name, device: attached.device }, 'temporary identifier replaced over HTTP')
  }
  return attachedAt(user, options)
}

async function places(user: string, { mmes = [] }: ApiOptions) {
  if (mmes.length === 0) throw new HttpProblem(404, 'no MME runs in this node')
  const all = await Promise.all(mmes.map(async (mme) => ({ mme, attached: await find(mme, user) })))
  const found = all.flatMap(({ mme, attached }) => (attached === undefined ? [] : [{ mme, attached }]))
  if (found.length === 0) throw new HttpProblem(404, `${user} is attached to no MME of this node`)
  return found
}

/** Without the HSS by the identifier alone. */
async function find(mme: Mme, user: string): Promise<AttachedUe | undefined> {
  return mme.find(user).catch(() => mme.attached(user))
}
