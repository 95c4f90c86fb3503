/** FIG 5: MO-LR in the packet-switched domain, from the UE's request to the result of its client. */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, isMeasured, targets, truth } from './cast.ts'

export const flow: FlowScript = {
  id: 'mo-lr/fig-05',
  title: 'A target asks where it is, for a service (packet-switched)',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'M25, M7, M11, M16: the place goes to the client, and what that makes of it comes back with it',
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const outcome = await stage.during(ue.ask({ client: 'maps', service: 'map' }))
        stage.expect('handled', clientOutcome(outcome) === 'handled')
        stage.expect('the place comes too', isMeasured(outcome, truth.alice))
        stage.expect('and the result', outcome.result?.result?.text?.includes('geo:52.5') === true)
      },
    },
    {
      name: 'M6, MF2: who is not subscribed gets 403, and is not positioned',
      async run(stage) {
        const ue = await asker(stage, targets.carol)
        const { refused } = await stage.during(ue.ask({ client: 'maps', service: 'map' }))
        stage.expect('refused', refused?.status === 403 && refused.warning?.startsWith('not-subscribed') === true)
      },
    },
    {
      name: 'M26: QoS assured and not met: the client gets nothing; best effort gets what there is',
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const qos = { accuracy: 1, responseTime: 10 }
        const assured = await stage.during(ue.ask({ client: 'maps', service: 'text', qos: { class: 'assured', ...qos } }))
        stage.expect('not met', assured.result?.cause === 'qos-not-met' && assured.result.place === undefined)
        stage.expect('nothing at the client', assured.result?.client === undefined)
        const best = await stage.during(ue.ask({ client: 'maps', service: 'text', qos: { class: 'best-effort', ...qos } }))
        stage.expect('a larger radius', (best.result?.place?.radius ?? 0) > 1 && clientOutcome(best) === 'handled')
      },
    },
    {
      name: 'M27: a known place that is young enough is taken',
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const first = await stage.during(ue.ask({}))
        const known = await stage.during(ue.ask({ age: 3600 }))
        stage.expect('the same', known.result?.place?.at === first.result?.place?.at)
        await stage.pass(2)
        const measured = await stage.during(ue.ask({ age: 1 }))
        stage.expect('too old: another', measured.result?.place?.at !== first.result?.place?.at)
      },
    },
    {
      name: 'MF3: a target that is nowhere to be found: position-failed',
      settings: { ran: { places: [] } },
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const { result } = await stage.during(ue.ask({ client: 'maps', service: 'map' }))
        stage.expect('told', result?.cause === 'position-failed' && result.client === undefined)
      },
    },
  ],
}
