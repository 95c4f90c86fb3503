/** Automated registration through an MME, which passes the first message on only for UEs that can and may (SPEC §4, §3.6). */
import { ApplicationClient, type Ue } from '../../../elements/ue/index.ts'
import { askThroughMme, attached, grantedThroughMme, hears, nearby, watchingUsers } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

function clientOf(stage: Stage, ue: Ue): ApplicationClient {
  return new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby, attached: ue })
}

async function registered(stage: Stage, name: string): Promise<{ ue: Ue; application: ApplicationClient }> {
  const { ue } = await grantedThroughMme(stage, name, ['discoverable', 'discoverer'])
  const application = clientOf(stage, ue)
  const { cause } = await stage.during(application.registerAutomatically())
  stage.expect(`${name} is registered, not ${cause}`, cause === undefined)
  return { ue, application }
}

export const flow: FlowScript = {
  id: 'registration/through-mme',
  title: 'Automated registration through an MME',
  clause: '§4, §3.6',
  scenarios: [
    {
      name: 'the device asks by its temporary identifier, and its user is near whom he is near',
      async run(stage) {
        const [alice, bob] = [await registered(stage, 'alice'), await registered(stage, 'bob')]
        const watch = await watchingUsers(stage, alice.application)
        await hears(stage, alice.ue, bob.ue)
        await stage.until('bob is near', () => watch.near() === 'sip:bob@localhost')
      },
    },
    {
      name: 'without a subscription, or attached to no MME, the request ends there',
      async run(stage) {
        const eve = clientOf(stage, await attached(stage, 'eve'))
        stage.expect('not subscribed', (await stage.during(eve.registerAutomatically())).cause === 403)
        const ue = await stage.ue('alice')
        const alice = new ApplicationClient({
          agent: ue.agent,
          clock: stage.clock,
          application: nearby,
          attached: { mme: 'sip:mme@localhost', temporary: undefined },
        })
        stage.expect('not attached', (await stage.during(alice.registerAutomatically())).cause === 403)
        stage.expect('nor may she ask', (await askThroughMme(stage, ue, 'proximity', {})) === 403)
      },
    },
  ],
}
