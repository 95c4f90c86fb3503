/** The place is told at once, whatever the client does with it (claim 10). */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, isMeasured, targets, truth } from './cast.ts'

export const flow: FlowScript = {
  id: 'mo-lr/position-first',
  title: 'A target has its place before the client has it',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'M18: mo-lr-position at once, and mo-lr-result later',
      async run(stage) {
        const ue = await asker(stage, targets.alice)
        const order: string[] = []
        const asked = ue.ask({ client: 'maps', service: 'map', position: 'first' }, ({ place, request }) => {
          order.push(request)
          stage.expect('the place', isMeasured({ result: { request, place } }, truth.alice))
        })
        const outcome = await stage.during(asked)
        stage.expect('handled', clientOutcome(outcome) === 'handled')
        await stage.until('the place came', () => order.length > 0)
        stage.expect(
          'of the same request',
          order.every((request) => request === outcome.result?.request),
        )
      },
    },
  ],
}
