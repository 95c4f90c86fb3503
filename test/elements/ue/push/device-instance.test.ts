import test from 'ava'
import { deviceInstance } from '../../../../elements/ue/push/device-instance.ts'
import { memoryStore, randomIds } from '../../../../signalling/index.ts'
import { ManualClock } from '../../../../signalling/testing.ts'
import { PushClientScene } from './scene.ts'

test('a device has one name over restarts, another user another one', async (t) => {
  const store = memoryStore(new ManualClock())
  const first = await deviceInstance(store, randomIds(), 'sip:alice@localhost')
  t.regex(first, /^urn:uuid:[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.is(await deviceInstance(store, randomIds(), 'sip:alice@localhost'), first)
  t.not(await deviceInstance(store, randomIds(), 'sip:bob@localhost'), first)
})

test('P7: a REGISTER names the device, its applications, and those that run: one binding for all of them', async (t) => {
  const scene = new PushClientScene()
  const client = await scene.open({ instance: 'urn:uuid:x' })
  for (const id of ['org.example.chat', 'org.example.files']) client.run({ id, take: () => true })
  await client.register()
  t.deepEqual(client.agent.contactParameters, [
    ['+sip.instance', '<urn:uuid:x>'],
    ['+g.proxima.app', 'org.example.chat,org.example.files'],
    ['+g.proxima.running', 'org.example.chat,org.example.files'],
  ])
  t.is(scene.registered, 1)
})
