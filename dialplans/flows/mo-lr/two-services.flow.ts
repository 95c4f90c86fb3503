/** One client offers two services, and the target is subscribed to both: the service identifier decides. */
import type { FlowScript } from '../stage/flow.ts'
import { asker, clientOutcome, targets } from './cast.ts'

export const flow: FlowScript = {
  id: 'mo-lr/two-services',
  title: 'The service identifier decides what is made of a place',
  clause: '§8.1',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'the same client, asked for one service and for the other',
      settings: {
        maps: {
          services: [
            { service: 'text', does: 'text' },
            { service: 'map', does: 'text', price: 1 },
          ],
          subscribers: [{ target: 'alice' }, { target: 'bob' }],
        },
      },
      async run(stage) {
        const [a, b] = [await asker(stage, targets.alice), await asker(stage, targets.bob)]
        stage.expect('one is free', clientOutcome(await stage.during(a.ask({ client: 'maps', service: 'text' }))) === 'handled')
        const dear = await stage.during(a.ask({ client: 'maps', service: 'map' }))
        stage.expect('the other is not', clientOutcome(dear) === 'passed, balance-too-low')
        stage.expect(
          'for whom any is permitted',
          clientOutcome(await stage.during(b.ask({ client: 'maps', service: 'text' }))) === 'handled',
        )
      },
    },
  ],
}
