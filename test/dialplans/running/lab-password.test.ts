/** Password of a lab: made once, kept for its owner's eyes, given by the environment instead; each fault says what to do. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { announcement } from '../../../dialplans/commands/start/announcement.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { subscribersOf } from '../../../dialplans/network/roles.ts'
import { knownLabPassword, withLabPassword } from '../../../dialplans/running/lab-password.ts'

const variable = 'PROXIMA_LAB_PASSWORD'
const permissions = '{ discoverable: true, discoverer: true }'

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'proxima-lab-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A lab of alice and bob, whose password is left open, zoe, who has one, and dan, whose H(A1) is given. */
function lab(t: ExecutionContext, data: string, labPassword = true): Dialplan {
  const file = join(folder(t), 'lab.yaml')
  writeFileSync(
    file,
    `name: lab
domains: [localhost]
listen: [udp://127.0.0.1:5070]
data: ${data}
elements:
  hss:
    role: hss
    labPassword: ${labPassword}
    subscribers:
      - { id: sip:alice@localhost, permissions: ${permissions} }
      - { id: sip:zoe@localhost, password: her-own-word, permissions: ${permissions} }
      - { id: sip:dan@localhost, credentials: { MD5: ${'a'.repeat(32)} }, permissions: ${permissions} }
      - { id: sip:bob@localhost, permissions: ${permissions} }
  proxy: { role: proxy }
`,
  )
  const loaded = loadDialplan(file)
  if (loaded.faults !== undefined) throw new Error(JSON.stringify(loaded.faults))
  return loaded.value
}
const passwordsOf = (dialplan: Dialplan) => subscribersOf(dialplan).map(({ password }) => password)

test('the first start makes it, for its owner alone; the second one has the same', (t) => {
  const data = join(folder(t), 'not', 'yet')
  const plan = lab(t, data)
  const first = withLabPassword(plan, {})
  const file = join(data, 'lab-password')
  const { password = '' } = first.lab!
  t.regex(password, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/)
  t.deepEqual(first.lab, { password, source: file, isNew: true })
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(readFileSync(file, 'utf8'), `${password}\n`)
  t.deepEqual(passwordsOf(first), [password, 'her-own-word', undefined, password])
  const second = withLabPassword(plan, {})
  t.deepEqual(second.lab, { password, source: file, isNew: false })
  t.deepEqual(passwordsOf(second), passwordsOf(first))
  t.is(knownLabPassword(data, {}), password)
  t.deepEqual(readdirSync(data), ['lab-password'])
})

test('two networks have two passwords', (t) => {
  const made = [1, 2].map(() => withLabPassword(lab(t, folder(t)), {}).lab!.password)
  t.not(made[0], made[1])
})

test('the environment goes before the file, and nothing is written', (t) => {
  const data = folder(t)
  const given = 'a-word-of-the-team'
  const plan = withLabPassword(lab(t, data), { [variable]: given })
  t.deepEqual(plan.lab, { password: given, source: variable, isNew: false })
  t.is(passwordsOf(plan)[0], given)
  t.deepEqual(readdirSync(data), [])
  t.is(knownLabPassword(undefined, { [variable]: given }), given)
  t.is(withLabPassword(lab(t, 'memory'), { [variable]: given }).lab!.password, given)
})

test('a dialplan that does not ask for it gets none, nor does a node without subscribers', (t) => {
  const data = folder(t)
  const plan = lab(t, data, false)
  t.is(withLabPassword(plan, { [variable]: 'a-word-of-the-team' }), plan)
  const elsewhere = { name: 'edge', line: 1, listen: [], http: undefined, data, elements: ['proxy'] }
  t.is(withLabPassword({ ...lab(t, data), node: elsewhere }, {}).lab, undefined)
  t.deepEqual(readdirSync(data), [])
  t.is(knownLabPassword(undefined, {}), undefined)
})

test('each fault says what is wrong, where, and what to do', (t) => {
  const data = folder(t)
  const file = join(data, 'lab-password')
  const refused = (environment: NodeJS.ProcessEnv = {}, at = data): string =>
    t.throws(() => withLabPassword(lab(t, at), environment)).message
  t.is(
    refused({}, 'memory'),
    'labPassword: there is no data folder to keep a password in; give one with --data, or give one by PROXIMA_LAB_PASSWORD',
  )
  t.is(refused({ [variable]: 'short' }), 'PROXIMA_LAB_PASSWORD has 5 characters; expected 12 or more')
  t.regex(refused({ [variable]: 'alice-proxima' }), /is a demo password; expected one that is not in the README$/)
  t.regex(refused({ [variable]: 'one word\nand another' }), /expected one word$/)
  writeFileSync(file, 'someone-reads-this\n', { mode: 0o600 })
  chmodSync(file, 0o640)
  t.is(refused(), `${file}: other users may read it (mode 640); chmod 600 ${file}, or give one by PROXIMA_LAB_PASSWORD`)
  t.regex(t.throws(() => knownLabPassword(data, {})).message, /other users may read it/)
  writeFileSync(file, '')
  chmodSync(file, 0o600)
  t.is(refused(), `${file} has 0 characters; expected 12 or more; remove it, and a start makes one`)
  rmSync(file)
  mkdirSync(file)
  t.regex(refused(), /lab-password: this is a folder; a start with labPassword makes it; read it as the user that runs the node/)
  const plain = join(data, 'plain')
  writeFileSync(plain, '')
  t.regex(refused({}, plain), /plain\/lab-password cannot be written \(ENOTDIR\); make room and let this user write there, or/)
  t.regex(t.throws(() => knownLabPassword(join(data, 'nowhere'), {})).message, /lab-password: there is no such file; a start/)
})

test('it is told by the start that makes it, and never where lines are kept', (t) => {
  const plan = lab(t, folder(t))
  const [first, second] = [withLabPassword(plan, {}), withLabPassword(plan, {})]
  const { password, source } = first.lab!
  const said = (dialplan: Dialplan, isKept: boolean) =>
    announcement(dialplan, { listening: dialplan.listen, carrier: 'dgram', http: undefined, isKept }).join('\n')
  t.true(said(first, false).includes(`user alice, password ${password} (told once; it stays in ${source}), domain localhost`))
  t.true(said(first, false).includes('(or bob, with the same password)'))
  for (const text of [said(first, true), said(second, false), said(second, true)]) {
    t.false(text.includes(password))
    t.true(text.includes(`user alice, password as ${source} has it, domain localhost`))
  }
  const given = withLabPassword(plan, { [variable]: 'a-word-of-the-team' })
  t.regex(said(given, false), /user alice, password as PROXIMA_LAB_PASSWORD has it/)
})
