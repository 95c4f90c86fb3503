/** FIG 2: a target that asks for its own place, or for a client without saying which service. */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, isMeasured, targets, truth } from './cast.ts'

export const flow: FlowScript = {
  id: 'mo-lr/fig-02',
  title: 'A target asks where it is',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'M9: no client named: the place goes straight to the UE',
      async run(stage) {
        const ue = await asker(stage, targets.bob)
        const outcome = await stage.during(ue.ask({}))
        stage.expect('the place', isMeasured(outcome, truth.bob))
        stage.expect('nothing of a client', outcome.result?.client === undefined && outcome.result?.result === undefined)
      },
    },
    {
      name: 'M2: a place is geodetic and civic both, and its text names the town',
      async run(stage) {
        const [a, b] = [await asker(stage, targets.alice), await asker(stage, targets.bob)]
        const { country, A1, A3 } = (await stage.during(b.ask({}))).result?.place?.civic ?? {}
        stage.expect('for the UE alone', country === 'AU' && A1 === 'New South Wales' && A3 === 'Sydney')
        const outcome = await stage.during(a.ask({ client: 'maps', service: 'text' }))
        const { civic, point } = outcome.result?.place ?? {}
        stage.expect('beside the client', point?.type === 'Point' && civic?.A3 === 'Berlin')
        stage.expect('the text', outcome.result?.result?.text?.startsWith('Berlin, Germany. 52.5') === true)
      },
    },
    {
      name: 'M10: a client without service: its only one is used',
      settings: { maps: { services: [{ service: 'text', does: 'text' }] } },
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        stage.expect('handled', clientOutcome(await stage.during(ue.ask({ client: 'maps' }))) === 'handled')
      },
    },
    {
      name: 'M10: of several it cannot choose',
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const outcome = await stage.during(ue.ask({ client: 'maps' }))
        stage.expect('told', clientOutcome(outcome) === 'passed, service-missing' && isMeasured(outcome, truth.alice))
      },
    },
  ],
}
