/** A UE that moves to another MME and back, while that MME's word to let it go is still on its way (SPEC §3.6). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createMme } from '../../../elements/mme/index.ts'
import type { Element } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'

const [alice, first, second] = ['sip:alice@localhost', 'sip:mme1@localhost', 'sip:mme2@localhost']
const grace = 10

async function scene() {
  const network = new ElementNetwork()
  await network.add(createHss('hss', { open: true }))
  const mme = createMme('mme1', { fellows: [second], identifier: { code: '01', lifetime: 600, grace } })
  await network.add(mme)
  const other: Element = { name: 'mme2', claims: [], start: () => undefined, handle: (exchange) => exchange.reply(202) }
  await network.add(other)
  const attach = async (body: object) => {
    const asked = network.ask('mme1', 'SUBSCRIBE', first, {
      asserted: alice,
      event: 'attach',
      expires: 600,
      body: json('attach-request', { capabilities: { prose: true }, ...body }),
    })
    await network.clock.advance(6000) // the other one does not say what it knows
    return (await asked).subscription!
  }
  const release = (temporary: string) =>
    network.ask('mme1', 'MESSAGE', first, {
      asserted: second,
      body: json('mme-context-request', { device: alice, temporary, release: true }),
    })
  const there = () => mme.attached(alice)?.temporary
  return { network, mme, attach, release, there }
}

test('who is back has another identifier, and stays when it is let go by the one before', async (t) => {
  const { network, attach, release, there } = await scene()
  await attach({})
  const before = there()!
  const attachment = await attach({ former: { temporary: 'sip:s-tmsi-0200000001@localhost', mme: second } })
  const now = there()!
  t.not(now, before)
  t.is((attachment.last as { temporary?: string }).temporary, now)
  t.is((await release(before)).status, 202)
  await network.clock.advance((grace + 1) * 1000)
  t.is(there(), now)
  t.true(attachment.live)
  t.is((await release(now)).status, 202)
  await network.clock.advance((grace + 1) * 1000)
  t.is(there(), undefined, 'by the identifier that it has, it is let go')
  t.false(attachment.live)
})

test('who is back stays after a restart too', async (t) => {
  const { network, attach, release, there } = await scene()
  await attach({})
  const before = there()!
  await attach({ former: { temporary: 'sip:s-tmsi-0200000001@localhost', mme: second } })
  const now = there()!
  const again = createMme('mme1', { fellows: [second], identifier: { code: '01', lifetime: 600, grace } })
  await network.add(again)
  t.is((await release(before)).status, 202)
  await network.clock.advance((grace + 5) * 1000)
  t.is(again.attached(alice)?.temporary, now)
})

test('who attaches again without having been elsewhere keeps its identifier', async (t) => {
  const { attach, there } = await scene()
  await attach({})
  const before = there()!
  await attach({ former: { temporary: before, mme: first } })
  await attach({})
  t.is(there(), before)
})
