/** Desktop files (freedesktop.org, Desktop Entry Specification 1.5): the part that says how an application opens content. */
import { seal } from '../../../../signalling/index.ts'
import type { DesktopApplication } from './desktop.ts'

const longest = 262_144 // characters of a file
const mostItems = 512
/** Kinds of SPEC §2.1 -> categories of the menu, all of which the application has. */
const kinds: { readonly [kind: string]: readonly string[] } = {
  'image.viewer': ['Graphics', 'Viewer'],
  'image.editor': ['Graphics', 'RasterGraphics'],
  'document.viewer': ['Office', 'Viewer'],
  'text.editor': ['TextEditor'],
  'audio.player': ['Audio', 'Player'],
  'video.player': ['Video', 'Player'],
  'web.browser': ['WebBrowser'],
  'mail.reader': ['Email'],
  'contact.manager': ['ContactManagement'],
  calendar: ['Calendar'],
  chat: ['InstantMessaging'],
  map: ['Maps'],
}

/** An application with what has to be there for it to run. */
interface DesktopEntry {
  readonly application: DesktopApplication
  /** Program to look for first; undefined: none is named. */
  readonly tryExec: string | undefined
}

/** Undefined: it is no application that can be opened with a file, or needs a terminal. */
export function readDesktopEntry(id: string, text: string): DesktopEntry | undefined {
  if (text.length > longest) return undefined
  const fields = fieldsOf(text)
  const is = (key: string): boolean => fields.get(key) === 'true'
  const exec = fields.get('Exec') ?? ''
  const name = fields.get('Name')
  const isRunnable = exec !== '' || is('DBusActivatable')
  if (fields.get('Type') !== 'Application' || name === undefined || !isRunnable || is('Hidden') || is('Terminal'))
    return undefined
  const categories = listOf(fields.get('Categories'))
  const own = Object.entries(kinds).filter(([, all]) => all.every((category) => categories.includes(category)))
  return {
    application: {
      id,
      name: name.slice(0, 128),
      types: listOf(fields.get('MimeType')).map((type) => type.toLowerCase()),
      similar: listOf(fields.get('X-Proxima-Similar')),
      kinds: [...own.map(([kind]) => kind), ...listOf(fields.get('X-Proxima-Kind'))],
      handsOver: is('DBusActivatable') || is('SingleMainWindow'),
      opensMany: /(?:^|[^%])(?:%%)*%[FU]/.test(exec),
      isForPush: is('X-Proxima-Push'),
      digest: seal('', text, 22),
    },
    tryExec: fields.get('TryExec'),
  }
}

/** Keys of the group [Desktop Entry] without translations; the first of each counts. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  let group = ''
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\[([^\]]*)\]\s*$/.exec(line) ?? []
    if (header !== undefined) group = header
    const [, key, value] = /^([A-Za-z0-9-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (group === 'Desktop Entry' && key !== undefined && !fields.has(key)) fields.set(key, value!)
  }
  return fields
}

function listOf(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split(';', mostItems)
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
