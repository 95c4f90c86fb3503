/** `application/reginfo+xml` (RFC 3680 §5), with GRUUs (RFC 5628): a registration, its contacts and the event of each. */
import { parseAddress } from '../../signalling/index.ts'
import { type ContactBinding, publicGruu } from '../shared/state/contact-binding.ts'
import { escaped } from '../shared/values/xml.ts'

export const reginfoType = 'application/reginfo+xml'

/** Why a contact is as it is (RFC 3680 §5.2). */
export type ContactEvent = 'created' | 'refreshed' | 'shortened' | 'registered' | 'expired' | 'deactivated' | 'unregistered'

export interface ContactState {
  /** Stays the same for as long as the binding is there. */
  readonly id: string
  readonly binding: ContactBinding
  readonly event: ContactEvent
}

/** The registration of one address of record at one time. */
export interface RegistrationState {
  readonly aor: string
  readonly id: string
  readonly active: readonly ContactState[]
  /** Contacts that ended lately, in case a watcher has not been told. */
  readonly ended: readonly ContactState[]
}

/** Full where `previous` is undefined; else the differences from it. `now`: milliseconds since the epoch. */
export function reginfo(state: RegistrationState, previous: RegistrationState | undefined, version: number, now: number): string {
  const lines =
    previous === undefined
      ? state.active.map((contact) => contactXml(state.aor, contact, 'active', now))
      : changes(state, previous).map((contact) => contactXml(state.aor, contact, standing(state, contact), now))
  const body = lines.length === 0 ? '/>' : `>\n${lines.join('\n')}\n  </registration>`
  const kind = previous === undefined ? 'full' : 'partial'
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="${version}" state="${kind}">`,
    `  <registration aor="${escaped(state.aor)}" id="${state.id}" state="${stateOf(state)}"${body}`,
    '</reginfo>',
    '',
  ].join('\n')
}

/** RFC 3680 §4.1: `init` has never been anything else, as far as anybody has been told. */
function stateOf({ active, ended }: RegistrationState): 'active' | 'terminated' | 'init' {
  return active.length > 0 ? 'active' : ended.length > 0 ? 'terminated' : 'init'
}

function standing({ active }: RegistrationState, contact: ContactState): 'active' | 'terminated' {
  return active.includes(contact) ? 'active' : 'terminated'
}

function changes(state: RegistrationState, previous: RegistrationState): readonly ContactState[] {
  const changed = state.active.filter((contact) => !previous.active.includes(contact))
  for (const old of previous.active) {
    if (state.active.some(({ id }) => id === old.id)) continue
    changed.push(state.ended.findLast(({ id }) => id === old.id) ?? { ...old, event: 'unregistered' })
  }
  return changed
}

function contactXml(aor: string, { id, binding, event }: ContactState, state: 'active' | 'terminated', now: number): string {
  const { contact, callId, cseq, q, expires, instance, gruu } = binding
  const left = state === 'active' ? ` expires="${Math.max(0, Math.round((expires - now) / 1000))}"` : ''
  const open = `    <contact id="${id}" state="${state}" event="${event}"${left} callid="${escaped(callId)}" cseq="${cseq}" q="${q}">`
  const lines = [open, `      <uri>${escaped(contact)}</uri>`]
  for (const [name, value] of parseAddress(binding.echo)?.parameters ?? [])
    if (name !== 'q') lines.push(`      <unknown-param name="${escaped(name)}">${escaped(printed(value))}</unknown-param>`)
  const gruuUri = gruu === undefined || instance === undefined ? undefined : publicGruu(aor, instance)
  if (gruuUri !== undefined) lines.push(`      <gr:pub-gruu uri="${escaped(gruuUri)}"/>`)
  lines.push('    </contact>')
  return lines.join('\n')
}

/** As it stands in a Contact: quoted where it is no token. */
function printed(value: string): string {
  return value === '' || /^[A-Za-z0-9.!%*_+`'~-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
}
