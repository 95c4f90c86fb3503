/** FIG 3: the checks of the client, and all that may become of a place at it. */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, isMeasured, targets, truth } from './cast.ts'

const text = { service: 'text', does: 'text' }
const dear = { service: 'map', does: 'text', price: 3 }

export const flow: FlowScript = {
  id: 'mo-lr/fig-03',
  title: 'The client checks service, subscription and balance',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'M14: handled; the place comes with it',
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const outcome = await stage.during(ue.ask({ client: 'maps', service: 'text' }))
        stage.expect('told', clientOutcome(outcome) === 'handled' && isMeasured(outcome, truth.bob))
      },
    },
    {
      name: 'M12, M13, MF7, MF8, MF9: service offered, target subscribed, balance enough, in this order',
      settings: { maps: { services: [text, dear], subscribers: [{ target: 'alice', services: ['map'], balance: 2 }] } },
      async run(stage) {
        const [a, b] = [await asker(stage, targets.alice), await asker(stage, targets.bob)]
        const asked = async (ue: typeof a, service: string) =>
          clientOutcome(await stage.during(ue.ask({ client: 'maps', service })))
        stage.expect('not offered, nor subscribed', (await asked(b, 'weather')) === 'passed, service-not-offered')
        stage.expect('not subscribed, nor paid', (await asked(b, 'map')) === 'passed, service-not-subscribed')
        stage.expect('not subscribed to this one', (await asked(a, 'text')) === 'passed, service-not-subscribed')
        stage.expect('balance too low', (await asked(a, 'map')) === 'passed, balance-too-low')
      },
    },
    {
      name: 'M14: the place comes where the client refuses, too',
      settings: { maps: { services: [text], subscribers: [] } },
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const outcome = await stage.during(ue.ask({ client: 'maps', service: 'text' }))
        stage.expect('told', clientOutcome(outcome) === 'passed, service-not-subscribed' && isMeasured(outcome, truth.alice))
      },
    },
    {
      name: 'a balance pays for as many results as it is worth',
      settings: { maps: { services: [dear], subscribers: [{ target: 'alice', balance: 7 }] } },
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const outcomes: string[] = []
        for (let time = 0; time < 3; time++) outcomes.push(clientOutcome(await stage.during(ue.ask({ client: 'maps' }))))
        stage.expect('two', outcomes.join() === 'handled,handled,passed, balance-too-low')
      },
    },
    {
      name: 'M15, MF5: a client that nobody knows: the place alone',
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const outcome = await stage.during(ue.ask({ client: 'nobody' }))
        stage.expect('told', clientOutcome(outcome) === 'client-unknown' && isMeasured(outcome, truth.bob))
      },
    },
    {
      name: 'MF4: no GMLC: the place alone',
      settings: { sgsn: { gmlc: 'sip:gmlc@192.0.2.9' } },
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const outcome = await stage.during(ue.ask({ client: 'maps', service: 'text' }))
        stage.expect('told', clientOutcome(outcome) === 'gmlc-unreachable' && isMeasured(outcome, truth.alice))
      },
    },
    {
      name: 'M15, MF6: a client that is not there: the place alone',
      settings: { gmlc: { clients: ['maps', 'gone'] } },
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const outcome = await stage.during(ue.ask({ client: 'gone' }))
        stage.expect('told', clientOutcome(outcome) === 'client-unreachable' && isMeasured(outcome, truth.bob))
      },
    },
  ],
}
