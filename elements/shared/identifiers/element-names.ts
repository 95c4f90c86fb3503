/** Elements go by names: user parts of the first of our domains (SPEC §2.2). */

/** Default names of elements that ask others, where the dialplan does not say who is there. */
export const usualAskers: readonly string[] =
  'proxy prose as mme pcrf presence registration friends push addressbook pushroutes gmlc ppr msc sgsn ran smsc lcs-client where console'.split(
    ' ',
  )

/** The HSS, where no setting says otherwise. */
export const usualHss = 'hss'

/** The user part of a canonical SIP URI in the first of these domains; undefined: it is none. */
export function ownUser(key: string, domains: readonly string[]): string | undefined {
  const tail = `@${domains[0]}`
  return key.startsWith('sip:') && key.endsWith(tail) ? key.slice(4, -tail.length) : undefined
}

/** Forms of the user parts that elements allocate (SPEC §2.1, §3.5; GRUUs: RFC 5627), and their meanings. */
const allocated: readonly (readonly [form: RegExp, what: string])[] = [
  [/^[sp]-tmsi-[\da-f]*$/i, 'a temporary identifier of an MME'],
  [/^epuid-[\w-]{22}$/i, 'an EPUID'],
  [/^aluid-[\w-]{22}$/i, 'an ALUID'],
  [/^tg-[\w-]{22}$/i, 'a temporary GRUU'],
]

/** The default prefix of presence views of application servers, without the dash. */
export const usualView = 'near'

/**
 * The kind of identifier that an element may allocate under that canonical key, so that no subscriber may have it;
 * undefined: none.
 * @param views prefixes of the presence views of application servers, without the dash
 */
export function allocatedAs(key: string, domains: readonly string[], views: readonly string[]): string | undefined {
  const user = ownUser(key, domains)
  if (user === undefined) return undefined
  const what = allocated.find(([form]) => form.test(user))?.[1]
  if (what !== undefined) return what
  const lower = user.toLowerCase()
  return views.some((view) => lower.startsWith(`${view.toLowerCase()}-`)) ? 'a presence view of an application server' : undefined
}
