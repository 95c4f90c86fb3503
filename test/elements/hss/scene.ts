/** An HSS with two subscribers, in virtual time, and what elements ask of it. */
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import type { SubscriptionData } from '../../../elements/schemas/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { type Asking, json } from '../../support/requests.ts'

export const all = { discoverable: true, discoverer: true }
export const none = { discoverable: false, discoverer: false }
export const settings: HssSettings = {
  subscribers: [
    { id: 'alice', password: 'alice-proxima', permissions: all, aliases: ['tel:+49-30-111', '192.0.2.1'], friends: ['bob'] },
    { id: 'sip:bob@127.0.0.1', credentials: { MD5: '0'.repeat(32) }, permissions: none },
  ],
}
export const alice = 'sip:alice@localhost'
export const bob = 'sip:bob@localhost'

export async function hssAlone(given: HssSettings = settings, network = new ElementNetwork()) {
  const hss = createHss('hss', given)
  await network.add(hss)
  const ask = (asserted: string | undefined, more: Asking = {}) =>
    network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', { asserted, event: 'subscription-data', ...more })
  const fetch = async (device: string, asserted = 'sip:prose@localhost') => {
    const { subscription } = await ask(asserted, { expires: 0, body: json('subscription-query', { device }) })
    return (subscription!.last as SubscriptionData).records![0]
  }
  return { network, hss, ask, fetch }
}
