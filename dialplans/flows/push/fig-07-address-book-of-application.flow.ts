/** FIG 7: the application client uses the address book in its own store, both ways. */
import { AddressBookClient, readEntries } from '../../../elements/ue/index.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, patiently } from './cast.ts'
import { clientOn, questionsOf, textsFor } from './clients.ts'

const cardOf = (name: string, push: string): string =>
  ['BEGIN:VCARD', 'VERSION:4.0', `FN:${name}`, `IMPP:sip:${push};user=push`, 'END:VCARD', ''].join('\r\n')

export const flow: FlowScript = {
  id: 'push/fig-07',
  title: 'An application finds a name in its address book',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P25: from the application’s store, and nobody is asked',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const asked = questionsOf(a)
        const { client } = await clientOn(stage, a)
        const toBob = textsFor((await clientOn(stage, b)).client, 'any', ['text/*'])
        const book = new AddressBookClient({ client, friends: readEntries(cardOf('My Bob', bob.push), 'vcard') })
        const sent = await stage.during(book.send('my bob', { type: 'text/plain', content: 'hello' }))
        stage.expect('his device takes it', sent.status === 200)
        await stage.until('it arrives', () => toBob.length === 1)
        stage.expect('nobody is asked', asked.length === 0)
        const found = await stage.during(book.friendOf(`sip:${bob.push};user=push`))
        stage.expect('and back', found === 'My Bob' && Number(asked.length) === 0)
        stage.expect('nobody', (await stage.during(book.send('Nobody', { type: 'text/plain', content: '' }))).status === 404)
      },
    },
    {
      name: 'P8: what it has not, the network has: name -> identifier, identifier -> friend; a friend’s card adds to it',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const { client } = await clientOn(stage, a)
        const book = new AddressBookClient({ client, friends: [] })
        const identifier = await stage.during(book.identifierOf('Bobby'))
        stage.expect('name to identifier', identifier === `sip:${bob.push};user=push`)
        stage.expect('identifier to friend', (await stage.during(book.friendOf(identifier!))) === 'Bob Miller')
        const own = await clientOn(stage, b)
        const friends: string[] = []
        const received = new AddressBookClient({
          client: own.client,
          friends: [],
          came: (cards) => friends.push(...cards.map(({ name = '' }) => name)),
        })
        const card = { type: 'text/vcard; charset=utf-8', content: cardOf('Caro with the bike', carol.push) }
        stage.expect('the card is taken', (await stage.during(book.send('Bobby', card))).status === 200)
        await stage.until('it arrives', () => friends.length === 1)
        stage.expect('he was told by whom', own.notices[0]?.sender === `sip:${alice.address}`)
        const caro = await stage.during(received.identifierOf('caro with the bike'))
        stage.expect('and has a friend more', caro === `sip:${carol.push};user=push`)
      },
    },
  ]),
}
