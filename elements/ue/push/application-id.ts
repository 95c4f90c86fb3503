/** Application identifiers as a client reads them (SPEC §2.1): a reverse-DNS name, a kind, or a media type. */

type ApplicationId =
  | { readonly form: 'name'; readonly name: string }
  | { readonly form: 'kind'; readonly kind: string }
  | { readonly form: 'type'; readonly type: string }

const longest = 128
const name = /^[A-Za-z0-9][A-Za-z0-9_+-]*(?:\.[A-Za-z0-9_+-]+)*$/
const kind = /^kind:([a-z0-9]+(?:[.-][a-z0-9]+)*)$/
const type = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:[a-z0-9][a-z0-9!#$&^_.+-]*|\*)$/

/** Undefined: it is none, and nothing is started for it. */
export function applicationId(text: string): ApplicationId | undefined {
  if (text.length > longest) return undefined
  const [, named] = kind.exec(text) ?? []
  if (named !== undefined) return { form: 'kind', kind: named }
  if (type.test(text.toLowerCase())) return { form: 'type', type: text.toLowerCase() }
  return name.test(text) ? { form: 'name', name: text } : undefined
}
