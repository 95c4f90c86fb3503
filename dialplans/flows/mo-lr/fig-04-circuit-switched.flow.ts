/** FIG 4: MO-LR in the circuit-switched domain: a connection first, and its release at the end. */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, core, isMeasured, targets, truth } from './cast.ts'

export const flow: FlowScript = {
  id: 'mo-lr/fig-04',
  title: 'A target asks where it is, for a service (circuit-switched)',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'M22, M23, M24: connection, request, result, release',
      async run(stage) {
        const ue = await asker(stage, targets.alice, 'cs')
        const outcome = await stage.during(ue.ask({ client: 'maps', service: 'map' }))
        stage.expect('handled', clientOutcome(outcome) === 'handled' && isMeasured(outcome, truth.alice))
      },
    },
    {
      name: 'M22, MF2: who is not subscribed gets no connection',
      async run(stage) {
        const ue = await asker(stage, targets.carol, 'cs')
        const { refused } = await stage.during(ue.ask({}))
        stage.expect('refused', refused?.status === 403 && refused.warning?.startsWith('not-subscribed') === true)
      },
    },
    {
      name: 'M22: a request without a connection gets 403; so does one behind the release',
      async run(stage) {
        const ue = await core(stage, targets.alice, 'cs')
        stage.expect('none yet', (await ue.send('mo-lr')).includes('403 no-cm-service'))
        stage.expect('connected', (await ue.send('cm-service-request')) === '200')
        stage.expect('taken', (await ue.send('mo-lr')) === '202')
        stage.expect('released', (await ue.send('cm-release')) === '200')
        stage.expect('over', (await ue.send('mo-lr')).includes('403 no-cm-service'))
      },
    },
    {
      name: 'M24: a connection that is idle for 30 s is over',
      async run(stage) {
        const ue = await core(stage, targets.alice, 'cs')
        stage.expect('connected', (await ue.send('cm-service-request')) === '200')
        await stage.pass(31)
        stage.expect('over', (await ue.send('mo-lr')).includes('403 no-cm-service'))
      },
    },
  ],
}
