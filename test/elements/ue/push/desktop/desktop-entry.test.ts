import test from 'ava'
import { readDesktopEntry } from '../../../../../elements/ue/push/desktop/desktop-entry.ts'

const file = (...lines: readonly string[]): string => ['[Desktop Entry]', 'Type=Application', 'Name=Viewer', ...lines].join('\n')
const read = (...lines: readonly string[]) => readDesktopEntry('org.example.viewer', file(...lines))?.application

test('P58: an application with what it opens', (t) => {
  const text = file('Exec=viewer %U', 'MimeType=image/PNG;image/jpeg;', 'Categories=GTK;Graphics;Viewer;', 'TryExec=viewer')
  const entry = readDesktopEntry(
    'org.example.viewer',
    `# a comment\n[Other]\nName=x\n${text}\nName[de]=Anzeiger\n[Desktop Action new]\nName=New`,
  )
  const { digest, ...application } = entry!.application
  t.is(entry!.tryExec, 'viewer')
  t.deepEqual(application, {
    ...{ id: 'org.example.viewer', name: 'Viewer', types: ['image/png', 'image/jpeg'], similar: [], kinds: ['image.viewer'] },
    ...{ handsOver: false, opensMany: true, isForPush: false },
  })
  t.not(digest, readDesktopEntry('org.example.viewer', `${text}\n`)!.application.digest)
})

test('one file at a time, and hand-over, as it says', (t) => {
  t.deepEqual(
    ['%f', '%u', '', '%%F', '%i %F'].map((codes) => read(`Exec=x ${codes}`)?.opensMany),
    [false, false, false, false, true],
  )
  t.true(read('DBusActivatable=true')?.handsOver)
  t.true(read('Exec=x', 'SingleMainWindow=true')?.handsOver)
  t.true(read('Exec=x', 'X-Proxima-Push=true')?.isForPush)
  t.deepEqual(read('Exec=x', 'X-Proxima-Similar=org.a;org.b;')?.similar, ['org.a', 'org.b'])
})

test('what needs a terminal, is hidden, or is no application is none', (t) => {
  for (const lines of [['Exec=x', 'Terminal=true'], ['Exec=x', 'Hidden=true'], [], ['Exec=']]) t.is(read(...lines), undefined)
  t.is(readDesktopEntry('x', '[Desktop Entry]\nType=Link\nName=x\nURL=http://x'), undefined)
  t.is(readDesktopEntry('x', ''), undefined)
})
