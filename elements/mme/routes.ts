/** Users attached to the MMEs of this node, over HTTP (SPEC §3.6): a temporary identifier, and another one on request. */
import {
  describedAnswer,
  describedProblem,
  type OpenApiSchema,
  objectOf,
  refusedAccess,
  schemaRef,
} from '../shared/http/description.ts'
import { type HttpPage, HttpProblem, json } from '../shared/http/page.ts'
import type { HttpRequest, HttpRoute } from '../shared/http/route.ts'
import type { AttachedUe, Mme } from './index.ts'

/** Resources of the MMEs that run in a node. */
export function mmeRoutes(mmes: readonly Mme[]): readonly HttpRoute[] {
  const parameters = { user: 'device identifier or bare name' }
  return [
    {
      path: '/attached/{user}',
      parameters,
      operations: {
        GET: {
          description: attachment('Where a user is attached, and by which temporary identifier'),
          serve: (request) => attachedAt(userOf(request), mmes),
        },
      },
      schemas: { Attached: attached },
    },
    {
      path: '/attached/{user}/reallocate',
      parameters,
      operations: {
        POST: {
          description: attachment('Gives him another temporary identifier; the old one counts for the grace period'),
          serve: (request) => reallocate(request, mmes),
        },
      },
    },
  ]
}

const text = { type: 'string' }
const attached = objectOf({
  device: text,
  at: {
    type: 'array',
    description: 'two while he moves from one MME to another',
    items: objectOf({ mme: text, temporary: text, validUntil: { type: 'string', format: 'date-time' } }),
  },
})

function attachment(summary: string): OpenApiSchema {
  const unknown = describedProblem('attached to no MME of this node')
  const found = describedAnswer('where, and by which identifier', schemaRef('Attached'))
  return { summary, responses: { 200: found, 404: unknown, ...refusedAccess } }
}

function userOf({ parameters }: HttpRequest): string {
  return parameters['user']!
}

/** Attachments of a user: at one MME of this node, or at two while he moves. */
async function attachedAt(user: string, mmes: readonly Mme[]): Promise<HttpPage> {
  const found = await placesOf(user, mmes)
  const at = found.map(({ mme, ue: { temporary, validUntil } }) => ({
    mme: mme.name,
    temporary,
    validUntil: new Date(validUntil).toISOString(),
  }))
  return { ...json(200, { device: found[0]!.ue.device, at }), headers: { 'Cache-Control': 'no-store' } }
}

/** Another temporary identifier at each of them; the UE is told, and the old one counts for the grace period. */
async function reallocate(request: HttpRequest, mmes: readonly Mme[]): Promise<HttpPage> {
  const { log, who } = request
  for (const { mme, ue } of await placesOf(userOf(request), mmes)) {
    await mme.reallocate(ue.device)
    log.info({ who, mme: mme.name, device: ue.device }, 'temporary identifier replaced over HTTP')
  }
  return attachedAt(userOf(request), mmes)
}

async function placesOf(user: string, mmes: readonly Mme[]) {
  if (mmes.length === 0) throw new HttpProblem(404, 'no MME runs in this node')
  const all = await Promise.all(mmes.map(async (mme) => ({ mme, ue: await find(mme, user) })))
  const found = all.flatMap(({ mme, ue }) => (ue === undefined ? [] : [{ mme, ue }]))
  if (found.length === 0) throw new HttpProblem(404, `${user} is attached to no MME of this node`)
  return found
}

/** Without the HSS by the identifier alone. */
async function find(mme: Mme, user: string): Promise<AttachedUe | undefined> {
  return mme.find(user).catch(() => mme.attached(user))
}
