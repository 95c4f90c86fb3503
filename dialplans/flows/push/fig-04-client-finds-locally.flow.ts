/** FIG 4: the Push client finds the destination by name in its terminal's own configuration. */
import { type LocalEntry, readEntries } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, mary, patiently } from './cast.ts'
import { clientOn, questionsOf, textsFor } from './clients.ts'

const own = `
- { uri: "sip:${bob.push};user=push", name: Bob Miller, nickname: Bobby, number: "+49 40 111", address: bob@op-b.example }
- { uri: "sip:${mary.push};user=push", name: Μαρία Κ., number: "77" }
- { uri: "sip:${carol.push};user=push", nickname: Miller }
- { uri: "sip:${bob.push};user=push", nickname: Miller }
`
const csv = `\ufeffname;nickname;number;uri\r\nBob Miller;Bobby;+49 40 111;${bob.push}\r\n"Μαρία Κ.";;77;sip:${mary.push};user=push\r\n`
const card = (...fields: readonly string[]): string => ['BEGIN:VCARD', 'VERSION:4.0', ...fields, 'END:VCARD', ''].join('\r\n')
const cards = [
  card('FN:Nobody there', 'TEL:+49 30 1'),
  card(
    ...['FN:Bob Miller', 'NICKNAME:Bobby', 'TEL;VALUE=uri:tel:+49-40-111', 'EMAIL:bob@op-b.example'],
    `IMPP:sip:${bob.push};user=push`,
  ),
  card('FN:Μαρία Κ.', `X-PUSH:sip:${mary.push};user=push`, 'TEL:77'),
].join('')

/** Alice's client sends to each of these names, of bob and of mary, and to nobody. */
async function reaches(stage: Stage, entries: readonly LocalEntry[], names: readonly string[]): Promise<void> {
  const [a, b, m] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(mary.address)]
  const asked = questionsOf(a)
  const { client } = await clientOn(stage, a, { entries, places: ['local'] })
  const [toBob, toMary] = [
    textsFor((await clientOn(stage, b)).client, 'any', ['text/*']),
    textsFor((await clientOn(stage, m)).client, 'any', ['text/*']),
  ]
  for (const to of names) {
    const { status } = await stage.during(client.send({ to, type: 'text/plain', content: to.replace(/\s/g, '_') }))
    stage.expect(`${to}: ${status}`, status === 200)
  }
  await stage.until('all arrive', () => toBob.length + toMary.length === names.length)
  const got = [...toBob, ...toMary].map((line) => line.split(' ')[1])
  stage.expect('each once, in order', got.join() === names.map((name) => name.replace(/\s/g, '_')).join())
  const nobody = await stage.during(client.send({ to: 'Nobody there', type: 'text/plain', content: '' }))
  stage.expect('nobody is called so', nobody.status === 404 && nobody.to === undefined)
  stage.expect('and the network is not asked', asked.length === 0)
}

export const flow: FlowScript = {
  id: 'push/fig-04',
  title: 'A Push client finds a name in its own configuration',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P21, P22, P31: in a file of its own: by name, nickname, number, address and code, and nobody is asked',
      run: (stage) =>
        reaches(stage, readEntries(own, 'own'), ['Bob Miller', 'bobby', '+4940111', 'bob@op-b.example', 'μαρία κ.', '77']),
    },
    {
      name: 'P21: in a CSV file, as a spreadsheet writes it',
      run: (stage) => reaches(stage, readEntries(csv, 'csv'), ['bob  miller', 'Bobby', 'tel:+4940111', 'Μαρία Κ.']),
    },
    {
      name: 'P21: in a vCard file, an existing one with identifiers added',
      run: (stage) =>
        reaches(stage, readEntries(cards, 'vcard'), ['Bob Miller', 'Bobby', '+4940111', 'bob@op-b.example', 'Μαρία Κ.']),
    },
    {
      name: 'PF15: two have that name: 485 with the choices, and nothing is sent',
      async run(stage) {
        const { client } = await clientOn(stage, await stage.ue(alice.address), { entries: readEntries(own, 'own') })
        const sent = await stage.during(client.send({ to: 'Miller', type: 'text/plain', content: 'hello' }))
        stage.expect('ambiguous', sent.status === 485 && sent.to === undefined && sent.warning!.includes(carol.push))
      },
    },
  ]),
}
