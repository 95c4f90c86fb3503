/** Questions that clients put to an address book (SPEC §5.3). */
import { mediaType, type PushDirectoryEntry, type PushQuery, readBody, writeBody } from '../../../elements/schemas/index.ts'
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { Stage } from '../stage/flow.ts'

/** Entries that the asker's address book tells; a number: the status of its refusal. */
export async function lookUp(stage: Stage, agent: UserAgent, query: PushQuery): Promise<readonly PushDirectoryEntry[] | number> {
  const domain = agent.identity.split('@')[1]
  const { type, content } = writeBody('push-query', query)
  let answer: readonly PushDirectoryEntry[] | number | undefined
  agent.subscribe(
    {
      to: `sip:addressbook@${domain}`,
      event: 'push-directory',
      accept: [mediaType('push-directory')],
      expires: 0,
      body: { type, content: String(content) },
    },
    {
      notified: (notified) => {
        const { value } = readBody(notified, 'push-directory')
        if (value !== undefined) answer ??= value.entries
      },
      ended: (status) => {
        answer ??= status
      },
    },
  )
  return stage.until('the address book answers', () => answer, 70)
}

/** `user@host` of the only entry; undefined: there is none, or several. */
export async function pushAddress(stage: Stage, agent: UserAgent, query: PushQuery): Promise<string | undefined> {
  const entries = await lookUp(stage, agent, query)
  if (typeof entries === 'number' || entries.length !== 1) return undefined
  return entries[0]!.uri?.replace(/^sip:|;.*$/g, '')
}
