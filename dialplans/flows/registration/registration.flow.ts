/** Automated registration of an application user (SPEC §4): five messages instead of a web page. */
import { ApplicationClient, type AutomaticRegistration, type AutomaticSettings, type Ue } from '../../../elements/ue/index.ts'
import { granted, hears, nearby, watchingUsers } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

const withUsers = {
  as: {
    users: [
      { user: 'msn:alice', secret: 'open sesame' },
      { user: 'msn:other', secret: 'another' },
    ],
  },
}

/** A device and the client of its application, nothing registered yet. */
async function client(stage: Stage, name: string): Promise<{ ue: Ue; application: ApplicationClient }> {
  const { ue } = await granted(stage, name, ['discoverable', 'discoverer'])
  return { ue, application: new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby }) }
}

async function registered(stage: Stage, application: ApplicationClient, settings: AutomaticSettings = {}): Promise<string> {
  const outcome = await stage.during(application.registerAutomatically(settings))
  stage.expect(`registered, not ${outcome.cause}`, outcome.cause === undefined)
  return (outcome as Extract<AutomaticRegistration, { aluid: string }>).aluid
}

async function refused(stage: Stage, work: Promise<{ cause?: string | number }>, cause: string | number): Promise<void> {
  const outcome = await stage.during(work)
  stage.expect(`${cause}, not ${outcome.cause}`, outcome.cause === cause)
}

export const flow: FlowScript = {
  id: 'registration/registration',
  title: 'Automated registration of an application user',
  clause: '§4',
  scenarios: [
    {
      name: 'EPUID, ALUID, and the user is near whom he is near',
      async run(stage) {
        const alice = await client(stage, 'alice')
        const bob = await client(stage, 'bob')
        const aluid = await registered(stage, alice.application)
        stage.expect('an ALUID', /^sip:aluid-[\w-]{22}@localhost$/.test(aluid))
        await registered(stage, bob.application)
        stage.expect('the same again, for the same user', (await registered(stage, alice.application)) === aluid)
        const watch = await watchingUsers(stage, alice.application)
        await hears(stage, alice.ue, bob.ue)
        await stage.until('bob is near', () => watch.near() === 'sip:bob@localhost')
      },
    },
    {
      name: 'a user with a secret of the application proves who he is',
      settings: withUsers,
      async run(stage) {
        const { application } = await client(stage, 'dave')
        await refused(stage, application.registerAutomatically({ user: 'msn:alice', secret: 'wrong' }), 'not-permitted')
        await refused(stage, application.registerAutomatically({ user: 'msn:nobody', secret: 'wrong' }), 'not-permitted')
        await registered(stage, application, { user: 'msn:alice', secret: 'open sesame' })
        // another user of the application at the same device: the registration before stays in force
        await refused(stage, application.registerAutomatically({ user: 'msn:other', secret: 'another' }), 'bound')
        const again = await stage.during(application.who())
        stage.expect('still a user', Array.isArray(again))
        await stage.during(application.register({ user: 'msn:alice', expires: 0 }))
        await stage.until('the binding is free again', () => true)
        await stage.pass(1)
        await registered(stage, application, { user: 'msn:other', secret: 'another' })
      },
    },
    {
      name: 'who may neither discover nor be discovered gets no EPUID',
      async run(stage) {
        const ue = await stage.ue('eve')
        const application = new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby })
        await refused(stage, application.registerAutomatically(), 'not-subscribed')
      },
    },
    {
      name: 'an EPUID of another device, or of nobody, is unknown alike',
      async run(stage) {
        const alice = await client(stage, 'alice')
        const bob = await client(stage, 'bob')
        await registered(stage, alice.application)
        const stolen = alice.application.epuid!
        await refused(stage, bob.application.registerWith(stolen), 'epuid-unknown')
        await refused(stage, bob.application.registerWith('sip:epuid-0000000000000000000000@localhost'), 'epuid-unknown')
        stage.expect('bob is no user', true)
      },
    },
    {
      name: 'a ProSe server that the application server does not know, and one that is not there',
      settings: { as: { proseServers: ['sip:gone@localhost'] } },
      async run(stage) {
        const { ue } = await granted(stage, 'alice', ['discoverer'])
        const at = (prose: string) => new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby, prose })
        const knownServer = at('sip:prose@localhost')
        await registered(stage, knownServer)
        await refused(stage, knownServer.registerWith(knownServer.epuid!, {}, 'sip:prose@evil.example'), 'prose-unreachable')
        await refused(stage, knownServer.registerWith(knownServer.epuid!, {}, 'sip:gone@localhost'), 'prose-unreachable')
        stage.expect('still a user', Array.isArray(await stage.during(knownServer.who())))
      },
    },
    {
      name: 'without the address of the ProSe server the dialplan says where it is; a host name or an IP address will do',
      async run(stage) {
        const { application } = await client(stage, 'alice')
        await registered(stage, application)
        for (const where of [null, 'localhost', '127.0.0.1']) {
          const outcome = await stage.during(application.registerWith(application.epuid!, {}, where))
          stage.expect(`registered, not ${outcome.cause}`, outcome.cause === undefined)
        }
      },
    },
    {
      name: 'a permission withdrawn ends the user; a restart does not',
      async run(stage) {
        const { application } = await client(stage, 'alice')
        const aluid = await registered(stage, application)
        await stage.restart()
        stage.expect('the same ALUID', (await registered(stage, application)) === aluid)
        const watch = await watchingUsers(stage, application)
        await stage.during(stage.operator.remove('sip:alice@localhost'))
        stage.expect('she is no subscriber any more', (await stage.operator.subscriber('sip:alice@localhost')) === undefined)
        await stage.until('nor a user', () => watch.ended !== undefined)
      },
    },
  ],
}
