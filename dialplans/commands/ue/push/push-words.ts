/** Words about Pushes for people. */
import { contentOf, type PushNotice } from '../../../../elements/ue/index.ts'

const reasons: { readonly [reason in NonNullable<PushNotice['unopened']>]: string } = {
  'no application': 'no application here opens it',
  executable: 'it may run something, and is not opened',
  'no application identifier': 'it is for no application that there can be',
  'not started': 'its application could not be started',
}

/** The part about a Push that the lines of the terminal have, too. */
interface PushWords {
  readonly sender: string
  readonly type: string
  readonly bytes: number
  readonly application?: string
  readonly unopened?: PushNotice['unopened']
  readonly file?: string
}

export function pushWords({ application, bytes, file, sender, type, unopened }: PushWords): string {
  const what = `${type}, ${sizeWords(bytes)}`
  if (unopened === undefined) return `push from ${sender}: ${what}${application === undefined ? '' : `, for ${application}`}`
  const where = file === undefined ? '' : `; kept as ${file}`
  return `push from ${sender}: ${what}; ${reasons[unopened]}${where}`
}

export function noticeWords({ push, ...notice }: PushNotice): string {
  return pushWords({ ...notice, type: push.type, bytes: contentOf(push).length })
}

function sizeWords(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`
}
