/** Partial PIDF (RFC 5262, RFC 5263): what a watcher puts together from full documents and patches is what was published. */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import { childrenOf, partialBody } from '../../../elements/presence/partial.ts'
import { checkPidf } from '../../../elements/presence/pidf.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

const entity = 'sip:bob@localhost'
const namespaces = 'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"'
const document = (...parts: readonly string[]): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" ${namespaces} entity="${entity}">${parts.join('\n  ')}</presence>`
const tuple = (id: string, basic = 'open', more = ''): string =>
  `<tuple id="${id}"><status><basic>${basic}</basic>${more}</status></tuple>`
const person = (id: string, mood: string): string => `<dm:person id="${id}"><r:mood><r:${mood}/></r:mood></dm:person>`

function read(text: string) {
  const checked = checkPidf(Buffer.from(text))
  if (checked.fault !== undefined) throw new Error(`${checked.fault}: ${text}`)
  return checked
}
const children = (text: string) => childrenOf(read(text))

/** A watcher: the children of the root element and the version, from what it is told. */
class Watcher {
  list: string[] = []
  version = 0
  kinds: string[] = []

  documents(body: string): void {
    const [, kind, version] = /<p:pidf-(full|diff) [^>]*version="(\d+)">/.exec(body)!
    this.kinds.push(kind!)
    const inside = body.slice(body.indexOf('<p:pidf-'), body.lastIndexOf('</p:pidf-')).replace(/^[^>]*>/, '')
    if (kind === 'full') this.list = partsOf(inside)
    else {
      if (Number(version) !== this.version + 1) throw new Error(`version ${version} after ${this.version}`)
      const operation = /<p:(add|replace|remove) sel="([^"]*)"( pos="before")?(?:\/>|>(.*?)<\/p:\1>)/gs
      for (const [, name, place, before, content] of inside.matchAll(operation)) this.apply(name!, place!, before, content)
    }
    this.version = Number(version)
  }
  private apply(name: string, place: string, before: string | undefined, content = ''): void {
    const id = /^\*\/tuple\[@id='(.*)'\]$/.exec(place)?.[1]
    const number = /^\*\/\*\[(\d+)\]$/.exec(place)?.[1]
    const at =
      id === undefined
        ? Number(number) - 1
        : this.list.findIndex((each) => each.split('>', 1)[0]!.endsWith(` id="${id}"`) && each.startsWith('<tuple '))
    if (name === 'add' && place === '*') return void this.list.push(...partsOf(content))
    if (this.list[at] === undefined) throw new Error(`nothing is at ${place}`)
    if (name === 'remove') this.list.splice(at, 1)
    else this.list.splice(at, before === undefined ? 1 : 0, ...partsOf(content))
  }
}
function partsOf(inside: string): string[] {
  return read(document(inside)).parts.map(({ source }) => source)
}
const sources = (text: string): readonly string[] => children(text).list.map(({ source }) => source)

test('the whole first; then what is added, replaced and removed; the whole where that is shorter', (t) => {
  const steps = [
    document(tuple('a'), tuple('b'), '<note>here</note>', person('p', 'happy')),
    document(tuple('a'), tuple('b', 'closed'), '<note>here</note>', person('p', 'happy')),
    document(tuple('new'), tuple('a'), tuple('b', 'closed'), '<note>here</note>', person('p', 'happy')),
    document(tuple('new'), tuple('a'), '<note>here</note>', '<note>and there</note>', person('p', 'sad')),
    document(tuple('a'), tuple('new'), '<note>here</note>', '<note>and there</note>', person('p', 'sad')),
    document(tuple('x')),
  ]
  const watcher = new Watcher()
  for (const [i, step] of steps.entries()) {
    const before = i === 0 ? undefined : children(steps[i - 1]!)
    watcher.documents(partialBody(children(step), before, i + 1))
    t.deepEqual(watcher.list, [...sources(step)], `step ${i}`)
  }
  t.deepEqual(watcher.kinds, ['full', 'diff', 'diff', 'diff', 'full', 'full'])
})

test('prefixes of the publisher stay good, whatever they are', (t) => {
  const odd = `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns="urn:other" entity="${entity}"><p:tuple id="a"><p:status><p:basic>open</p:basic><mood/></p:status></p:tuple></p:presence>`
  const full = partialBody(children(odd), undefined, 1)
  const asPidf = full
    .replace(
      '<p:pidf-full xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff"',
      '<presence xmlns="urn:ietf:params:xml:ns:pidf"',
    )
    .replace('</p:pidf-full>', '</presence>')
  t.is(read(asPidf).parts[0]!.meaning, 'urn:ietf:params:xml:ns:pidf tuple')
  t.regex(asPidf, /<p:tuple xmlns="urn:other" xmlns:p="urn:ietf:params:xml:ns:pidf" id="a">/)
})

test('whatever changes, the watcher has what was published', (t) => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  const moods = ['happy', 'sad', 'calm']
  const any = (): string => {
    const tuples = ['a', 'b', 'c', "d'd", 'e e']
      .filter(() => random(2) > 0)
      .map((id) => tuple(id, random(3) > 0 ? 'open' : 'closed'))
    if (random(4) === 0) tuples.reverse()
    const notes = Array.from({ length: random(3) }, () => `<note>${random(3)}</note>`)
    const persons = ['a', 'p', 'p'].slice(0, random(4)).map((id) => person(id, moods[random(3)]!))
    return document(...tuples, ...notes, ...persons)
  }
  const watcher = new Watcher()
  let before: ReturnType<typeof children> | undefined
  for (let version = 1; version <= 500; version++) {
    const next = any()
    const now = children(next)
    watcher.documents(partialBody(now, before, version))
    t.deepEqual(
      watcher.list,
      now.list.map(({ source }) => source),
    )
    before = now
  }
  t.true(watcher.kinds.filter((kind) => kind === 'diff').length > 50)
})

async function scene() {
  const lab = new Lab()
  await lab.serve(['localhost'], [createPresence('presence', {})])
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const send = async (method: string, lines: readonly string[], body?: string): Promise<number> => {
    const names = {
      via: '10.0.5.1',
      branch: `z9hG4bK-${++count}`,
      callId: `call-${count}`,
      ...(body === undefined ? {} : { body }),
    }
    wire.send(
      requestText(method, entity, {
        ...names,
        from: method === 'PUBLISH' ? entity : 'sip:alice@localhost',
        lines: ['Event: presence', 'Expires: 600', 'Contact: <sip:alice@10.0.5.1>', ...lines],
      }),
    )
    await lab.clock.advance(1000)
    return wire.responses.at(-1)!.status
  }
  return {
    wire,
    watch: (accept: string) => send('SUBSCRIBE', [`Accept: ${accept}`]),
    publish: (body: string) => send('PUBLISH', ['Content-Type: application/pidf+xml'], body),
    etag: () => wire.responses.findLast((response) => response.text('SIP-ETag') !== undefined)!.text('SIP-ETag')!,
    modify: (etag: string, body: string) =>
      send('PUBLISH', [`SIP-If-Match: ${etag}`, 'Content-Type: application/pidf+xml'], body),
    documents: () =>
      wire.requests
        .filter(({ method }) => method === 'NOTIFY')
        .map((request) => ({ type: request.contentType, body: request.body.toString() })),
  }
}

test('a watcher that prefers it is told in parts, others in full', async (t) => {
  const { watch, publish, modify, etag, documents } = await scene()
  t.is(await watch('application/pidf+xml;q=0.3, application/pidf-diff+xml;q=1'), 200)
  t.is(documents()[0]!.type, 'application/pidf-diff+xml')
  const long = [tuple('a'), tuple('b', 'open', `<note>${'x'.repeat(300)}</note>`)] as const
  await publish(document(...long))
  await modify(etag(), document(tuple('a', 'closed'), long[1]))
  const watcher = new Watcher()
  for (const { body } of documents()) watcher.documents(body)
  t.deepEqual(watcher.kinds, ['full', 'full', 'diff'])
  t.deepEqual(watcher.list, [...sources(document(tuple('a', 'closed'), long[1]))])
  t.is(await watch('application/pidf+xml, application/pidf-diff+xml'), 200)
  t.is(documents().at(-1)!.type, 'application/pidf+xml', 'the first of what is liked as much')
  t.is(await watch('application/pidf-diff+xml;q=0, application/pidf+xml;q=0.1'), 200)
  t.is(documents().at(-1)!.type, 'application/pidf+xml')
  t.is(await watch('application/pidf-diff+xml;q=0'), 406)
})
