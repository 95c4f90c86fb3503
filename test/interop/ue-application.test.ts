/** `proxima ue --application` as a user meets it: real processes against a real server (SPEC §3.5, §4). */
import test from 'ava'
import { type DefaultServer, program, proxima, Running, startDefaultServer } from '../support/process.ts'

let server: DefaultServer
test.before(async () => {
  server = await startDefaultServer()
})
test.after.always(() => server.remove())

const application = ['--application', 'org.example.nearby']

test('two devices become users by themselves and are told of each other', async (t) => {
  const air = `239.255.77.13:${20_000 + (process.pid % 40_000)}`
  const common = ['--discoverable', '--discover', '--at', '52.5200,13.4050', ...application]
  const ue = (...args: readonly string[]): Running =>
    new Running(process.execPath, [program, 'ue', ...args, ...common, '--air', air])
  const alice = ue('alice', '--server', `127.0.0.1:${server.udp}`)
  t.teardown(() => alice.stop())
  await alice.said(/a user of org\.example\.nearby as sip:alice@localhost[\s\S]*no user is near/)
  const bob = ue('bob', '--server', `127.0.0.1:${server.ws}`, '--transport', 'ws', '--json')
  t.teardown(() => bob.stop())
  await alice.said(/user sip:bob@localhost is near$/m)
  await bob.said(/"kind":"user","user":"sip:bob@localhost","application":"org.example.nearby"/)
  await bob.said(/"kind":"users","came":\["sip:alice@localhost"\]/)
  bob.signal('SIGINT')
  t.is((await bob.ended).code, 0)
  await alice.said(/user sip:bob@localhost is not near any more/)
  alice.signal('SIGTERM')
  t.is((await alice.ended).code, 0)
})

test('a user with a secret is another than the device, and nobody without the secret is', async (t) => {
  const settings = { as: { users: [{ user: 'msn:robert', secret: 'hush' }] } }
  const own = await startDefaultServer({ settings })
  t.teardown(() => own.remove())
  const ue = (...args: readonly string[]): readonly string[] => [
    ...['ue', 'bob', ...application, '--air', 'none', '--server', `127.0.0.1:${own.udp}`, '--user', 'msn:robert'],
    ...args,
  ]
  const robert = new Running(process.execPath, [program, ...ue('--secret', 'hush')])
  t.teardown(() => robert.stop())
  await robert.said(/a user of org\.example\.nearby as msn:robert$/m)
  const { code, err } = await proxima(...ue('--secret', 'guess'))
  t.is(code, 1)
  t.regex(err, /^proxima: sip:bob@localhost cannot become user msn:robert of \S+ \([\w-]+\); expected .*--secret of that user\n$/)
})

for (const [title, args] of [
  ['of a subscriber who may use none', ['eve', ...application]],
  ['that nobody serves', ['carol', '--application', 'org.example.other']],
] as const) {
  test(`refused in one line: an application ${title}`, async (t) => {
    const { code, err } = await proxima('ue', ...args, '--air', 'none', '--server', `127.0.0.1:${server.udp}`)
    t.is(code, 1)
    t.regex(err, /^proxima: sip:\w+@localhost cannot become a user of org\.example\.\w+ \([\w-]+\); expected [^\n]*\n$/)
  })
}
