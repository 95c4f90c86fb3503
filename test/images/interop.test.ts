/** Programs of others against Proxima, as compose.interop.yaml has them: what its comments promise is to be seen. */
import { join } from 'node:path'
import test from 'ava'
import { Composition } from '../support/containers/composition.ts'
import { openEngine } from '../support/containers/engine.ts'
import { until } from '../support/patience.ts'

const file = join(import.meta.dirname, '../../docker/compose.interop.yaml')
const engine = openEngine()
/** The images of phones are large, and take minutes: PHONES=1 npm run images -- test/images/interop.test.ts */
const withPhones = process.env['PHONES'] === '1' ? test.serial : test.serial.skip

test.before(() => engine.image())

async function says(composition: Composition, name: string, pattern: RegExp): Promise<void> {
  let said = ''
  const isSaid = async (): Promise<boolean> => {
    said = await composition.logs(name)
    return pattern.test(said)
  }
  await until(`${name} says ${pattern}`, isSaid).catch((error: Error) => {
    throw new Error(`${error.message}; it says:\n${said.slice(-3000)}`)
  })
}

/** A text to a user of the network, from beside the server. */
function write(to: string, text: string): Promise<string> {
  const dave = ['ue', 'dave', '--domain', 'interop.test', '--password', 'dave-interop', '--message', to, text]
  return engine.podman('exec', 'proxima', 'node', '/app/dialplans/launch.js', ...dave)
}

test.serial('sipp registers and asks for abilities; carol is reached through Kamailio alone', async (t) => {
  const composition = new Composition(engine, file)
  t.teardown(() => composition.down())
  await composition.up('proxima')
  await says(composition, 'proxima', /^ready/m)
  await composition.up('kamailio', 'carol', 'sipp')
  await says(composition, 'sipp', /Successful call +\| +\d+ +\| +10 /)
  await says(composition, 'carol', /registered with kamailio[\s\S]*granted: discoverable[\s\S]*nobody is near/)
  t.regex(await write('carol', 'over the edge'), /taken \(200/)
  await says(composition, 'carol', /over the edge/)
  await says(composition, 'kamailio', /edge: MESSAGE to sip:carol@/)
})

withPhones('baresip writes to linphone, and sngrep shows it', async (t) => {
  const composition = new Composition(engine, file)
  t.teardown(() => composition.down())
  await composition.up('proxima')
  await says(composition, 'proxima', /^ready/m)
  await composition.up('linphone', 'sngrep')
  await says(composition, 'linphone', /Friend "alice"/) // it has registered, and asked
  await composition.up('baresip')
  await says(composition, 'baresip', /200 OK \(\) \[1 binding\]/)
  await says(composition, 'linphone', /Message received from sip:alice@interop\.test: hello from baresip/)
  await says(composition, 'sngrep', /REGISTER|MESSAGE|SUBSCRIBE/)
  t.pass()
})
