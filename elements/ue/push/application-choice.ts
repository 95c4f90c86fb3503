/** Choice of the application for a Push (SPEC §5.5): the exact one, else a similar one, else one for the media type. */
import { isInRange } from '../../shared/values/media-type.ts'
import { applicationId } from './application-id.ts'
import type { Desktop, DesktopApplication } from './desktop/desktop.ts'
import { isExecutable } from './executable-content.ts'
import { contentOf, type ReceivedPush } from './received-push.ts'
import type { RunningApplication, RunningApplications } from './running-applications.ts'

/** One that runs, one to be started, or why there is none. */
type ApplicationChoice =
  | { readonly running: RunningApplication }
  | { readonly start: DesktopApplication }
  | { readonly none: 'no application' | 'executable' | 'no application identifier' }

interface ChoiceParts {
  readonly running: RunningApplications
  readonly desktop: Desktop | undefined
  /** Applications that may stand for that one, in this order. */
  readonly similarTo: (application: string) => readonly string[]
}

export async function chooseApplication(push: ReceivedPush, parts: ChoiceParts): Promise<ApplicationChoice> {
  const id = push.application === '' ? undefined : applicationId(push.application)
  if (id === undefined && push.application !== '') return { none: 'no application identifier' }
  const { desktop, running } = parts
  const named = id?.form === 'name' ? [id.name, ...parts.similarTo(id.name)] : []
  const installed = (await desktop?.installed()) ?? []
  const isSafe = !isExecutable(push.type, contentOf(push))
  const opens = (application: DesktopApplication): boolean =>
    isSafe && application.types.some((range) => isInRange(push.type, range))
  for (const name of named) {
    const own = running.get(name)
    if (own !== undefined) return { running: own }
    const found = installed.find((each) => each.id === name && opens(each))
    if (found !== undefined) return { start: found }
  }
  const isLike = ({ kinds, similar }: DesktopApplication): boolean =>
    (id?.form === 'name' && similar.includes(id.name)) || (id?.form === 'kind' && kinds.includes(id.kind))
  const declared = installed.find((each) => isLike(each) && opens(each))
  if (declared !== undefined) return { start: declared }
  const byType = running.forType(push.type)
  if (byType !== undefined) return { running: byType }
  if (!isSafe) return { none: 'executable' }
  const usual = await desktop?.defaultFor(push.type)
  const found = installed.find((each) => each.id === usual && opens(each))
  return found === undefined ? { none: 'no application' } : { start: found }
}
