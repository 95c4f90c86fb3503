/** Elements go by names: user parts of the first of our domains (SPEC §2.2). */

/** Those of the roles that ask others, where the dialplan does not say who is there. */
export const usualAskers: readonly string[] =
  'proxy prose as mme pcrf presence registration friends push addressbook gmlc ppr msc sgsn ran smsc lcs-client console'.split(
    ' ',
  )

/** The user part of a canonical SIP URI in the first of these domains; undefined: it is none. */
export function ownUser(key: string, domains: readonly string[]): string | undefined {
  const tail = `@${domains[0]}`
  return key.startsWith('sip:') && key.endsWith(tail) ? key.slice(4, -tail.length) : undefined
}
