/** What the ProSe server answers a UE by a MESSAGE of its own goes back through the MME (SPEC §3.6, §4 step 1). */
import test from 'ava'
import { mediaType, writeBody } from '../../../elements/schemas/index.ts'
import { metric } from '../../support/wire.ts'
import { MmeScene, sip } from './scene.ts'

const type = mediaType('registration-code-request')
const answerType = mediaType('registration-code')

test('an EPUID comes through the MME, for the device by the name that it has there', async (t) => {
  const scene = await MmeScene.open()
  const [ue] = await scene.attached('alice')
  const temporary = scene.temporary('alice')
  t.is(await scene.tell(ue, sip('prose'), type, { device: temporary, capabilities: { prose: true } }), 202)
  await scene.lab.clock.advance(1000)
  const hops = scene.lab.tap.messages
    .filter(
      ({ bytes }) =>
        Buffer.from(bytes).toString().startsWith('MESSAGE') && Buffer.from(bytes).toString().includes(`${answerType}\r\n`),
    )
    .map(({ from, to }) => `${from.name ?? 'ue'} ${to.name ?? 'ue'}`)
  t.deepEqual([...new Set(hops)], ['prose mme', 'mme proxy', 'proxy ue'])
  const got = ue.got.filter(({ request }) => request.contentType === answerType)
  t.is(got.length, 1)
  t.is(metric(scene.lab.nodes[0]!, 'mme_answers_awaited'), 0, 'it is answered, and awaited no more')
  const body = JSON.parse(got[0]!.request.body.toString()) as { readonly device: string; readonly epuid: string }
  t.is(body.device, temporary)
  t.regex(body.epuid, /^sip:epuid-/)
  t.is(got[0]!.request.texts('Record-Route').length, 0)
  for (const text of scene.beyond) t.false(text.includes('s-tmsi'), 'no temporary identifier beyond the MME')
  await scene.lab.stop()
})

test('who asks without an MME is answered without one, whatever way he claims', async (t) => {
  const scene = await MmeScene.open()
  const ue = await scene.ue('alice')
  const { content } = writeBody('registration-code-request', { device: sip('alice'), capabilities: { prose: true } })
  for (const way of ['<sip:thief@10.0.9.9;lr>', '<sip:thief@evil.example;lr>', 'nonsense']) {
    const before = ue.got.length
    const sent = ue.host.send({
      method: 'MESSAGE',
      to: sip('prose'),
      from: sip('alice'),
      route: ['<sip:10.0.0.1;lr>'],
      headers: [['Record-Route', way]],
      body: { type, content },
    })
    t.is((await scene.lab.during(sent)).status, 202)
    await scene.lab.clock.advance(1000)
    t.is(ue.got.length, before + 1, way)
  }
  await scene.lab.stop()
})

test('an answer that the ProSe server has not sent does not pass the MME', async (t) => {
  const scene = await MmeScene.open()
  const [ue] = await scene.attached('bob')
  await scene.attached('alice')
  const forged = { device: sip('alice'), epuid: sip('epuid-0000000000000000000000') }
  const status = await scene.tell(ue, sip('alice'), answerType, forged)
  t.is(status, 481)
  const texts = scene.lab.tap.messages.map(({ bytes }) => Buffer.from(bytes).toString())
  const reached = texts.filter((text) => text.startsWith('MESSAGE') && text.includes('epuid-0000') && text.includes('s-tmsi'))
  t.deepEqual(reached, [], 'and the MME names nobody by his temporary identifier for it')
  await scene.lab.stop()
})

test('a UE attaches by an alias of its own, and its operator finds it by one', async (t) => {
  const scene = await MmeScene.open()
  await scene.hss.set({
    id: sip('alice'),
    password: 'alice-proxima',
    permissions: { discoverable: true, discoverer: true },
    aliases: ['tel:+1-555-0100'],
  })
  const [, attachment] = await scene.attached('alice', { device: 'tel:+15550100', capabilities: { prose: true } })
  t.is(attachment.status, 0)
  t.regex(String(attachment.last()['temporary']), /s-tmsi/)
  t.is((await scene.mme.find('tel:+1-555-0100'))?.device, sip('alice'))
  t.is(await scene.lab.during(scene.mme.find('tel:+15550199')), undefined)
  const [, other] = await scene.attached('bob', { device: 'tel:+15550100', capabilities: { prose: true } })
  t.is(other.status, 403, 'of somebody else')
  await scene.lab.stop()
})
