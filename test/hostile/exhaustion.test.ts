/** Tables that somebody would like to fill: each has its bound, and who is honest is served beside. */
import test from 'ava'
import { domain, isAlive, openStand, type Stand, TcpHand, UdpHand } from './stand.ts'

interface Ends {
  teardown(end: () => unknown): void
}
async function opened(t: Ends, ...options: Parameters<typeof openStand>): Promise<Stand> {
  const stand = await openStand(...options)
  t.teardown(() => stand.close())
  return stand
}
async function hand(t: Ends, stand: Stand): Promise<UdpHand> {
  const opened = await UdpHand.open(stand)
  t.teardown(() => opened.close())
  return opened
}

test('subscriptions of one subscriber: so many and no more, until some have ended; others have theirs', async (t) => {
  const stand = await opened(t, { subscriptions: 20 })
  const [alice, bob] = [await hand(t, stand), await hand(t, stand)]
  await alice.register('alice')
  await bob.register('bob')
  const answers: number[] = []
  const watch = (user: string, tag: string) => ({
    fromTag: tag,
    lines: ['Event: reg', 'Expires: 600', `Contact: <sip:${user}@127.0.0.1:9>`],
  })
  for (let i = 0; i < 30; i++)
    answers.push((await alice.askAs('alice', 'SUBSCRIBE', `sip:alice@${domain}`, watch('alice', `t${i}`))).status)
  t.is(answers.filter((status) => status === 200).length, 20)
  t.is(answers.filter((status) => status === 403).length, 10)
  t.is((await bob.askAs('bob', 'SUBSCRIBE', `sip:bob@${domain}`, watch('bob', 'b'))).status, 200)

  const first = alice.responses.find(({ status, cseq }) => status === 200 && cseq.method === 'SUBSCRIBE')!
  const over = await alice.ask('SUBSCRIBE', `sip:alice@${domain}`, {
    callId: first.callId,
    from: `sip:alice@${domain}`,
    fromTag: first.fromTag,
    toTag: first.toTag,
    cseq: 9,
    lines: ['Event: reg', 'Expires: 0', 'Contact: <sip:alice@127.0.0.1:9>', `Route: ${first.list('Record-Route').join(', ')}`],
  })
  t.is(over.status, 200)
  const last = alice.requests.find((each) => each.method === 'NOTIFY' && each.toTag === first.fromTag)
  t.truthy(last)
  for (const notify of alice.requests) alice.send(answerTo(notify.bytes.toString()))
  await alice.until(() =>
    alice.requests.some((each) => each.toTag === first.fromTag && /terminated/.test(each.text('Subscription-State') ?? '')),
  )
  for (const notify of alice.requests) alice.send(answerTo(notify.bytes.toString()))
  await alice.ask('OPTIONS', `sip:${domain}`)
  t.is((await alice.askAs('alice', 'SUBSCRIBE', `sip:alice@${domain}`, watch('alice', 'again'))).status, 200)
})

function answerTo(request: string): string {
  const kept = request
    .split('\r\n\r\n')[0]!
    .split('\r\n')
    .filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line))
  return `SIP/2.0 200 OK\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`
}

test('bindings: ten contacts of a user, in one REGISTER or in many', async (t) => {
  const stand = await opened(t)
  const alice = await hand(t, stand)
  const register = (contacts: readonly number[]) =>
    alice.askAs('alice', 'REGISTER', `sip:${domain}`, {
      to: `sip:alice@${domain}`,
      lines: contacts.map((i) => `Contact: <sip:alice@127.0.0.1:${1000 + i}>`),
    })
  t.is((await register(Array.from({ length: 50 }, (_, i) => i))).status, 403)
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) statuses.push((await register([i])).status)
  t.deepEqual(statuses, [...Array<number>(10).fill(200), 403, 403])
  t.is((await register([3])).status, 200, 'what is there is refreshed')
  for (const q of ['7', '-1', '1.1', '0.1234', 'x', '1e-1', '']) {
    const lines = [`Contact: <sip:alice@127.0.0.1:1003>;q=${q}`]
    const { status } = await alice.askAs('alice', 'REGISTER', `sip:${domain}`, { to: `sip:alice@${domain}`, lines })
    t.is(status, 400, `q=${q} (RFC 3261 §20.10)`)
  }
})

test('transactions: INVITEs without number from strangers leave none, those of a caller end by themselves', async (t) => {
  const stand = await opened(t)
  const [stranger, alice] = [await hand(t, stand), await hand(t, stand)]
  await alice.register('alice')
  for (let i = 0; i < 3000; i++) {
    stranger.send(stranger.text('INVITE', `sip:alice@${domain}`, { from: `sip:spam-${i}@elsewhere.invalid` }))
    if (i % 100 === 0) await stranger.ask('OPTIONS', `sip:${domain}`)
  }
  await stranger.ask('OPTIONS', `sip:${domain}`)
  t.true(stand.count('server_transactions') < 60, `${stand.count('server_transactions')}: the OPTIONS and alice's own`)
  t.is(stand.count('client_transactions'), 0)
  t.is((await alice.ask('OPTIONS', `sip:${domain}`)).status, 200)
})

test('dialogs: in-dialog requests of dialogs that never were make nothing', async (t) => {
  const stand = await opened(t)
  const alice = await hand(t, stand)
  await alice.register('alice')
  for (const method of ['BYE', 'NOTIFY', 'SUBSCRIBE', 'UPDATE', 'INFO', 'PRACK', 'REFER', 'INVITE', 'MESSAGE']) {
    const place = {
      from: `sip:alice@${domain}`,
      toTag: 'never-was',
      lines: ['Event: presence', 'Contact: <sip:alice@127.0.0.1:9>', 'Subscription-State: active'],
    }
    for (const uri of [`sip:prose@${domain}`, `sip:bob@${domain}`, `sip:hss@${domain}`]) {
      const { status } = await alice.ask(method, uri, place)
      t.true(status >= 400 && status < 500, `${method} ${uri}: ${status}`)
    }
  }
  t.is(stand.count('faults_total'), 0)
})

test('connections: of one address so many; the next is refused, and those that stand go on', async (t) => {
  const stand = await opened(t, { connections: { perSource: 30, total: 40 } })
  const hands: TcpHand[] = []
  for (let i = 0; i < 40; i++) {
    const next = await TcpHand.open(stand.tcp)
    t.teardown(() => next.close())
    hands.push(next)
  }
  const late = hands.slice(30)
  await Promise.all(late.map((each) => each.gone()))
  t.false(hands.slice(0, 30).some(({ closed }) => closed))
  const first = hands[0]!
  first.send((await hand(t, stand)).text('OPTIONS', `sip:${domain}`).replace('/UDP', '/TCP'))
  await first.until(() => first.responses.length > 0)
  t.is(first.responses[0]!.status, 200)
})

test('slow peers: who says nothing, or half a message, or one byte and one more, is closed; who is quick stays', async (t) => {
  const stand = await opened(t, { connections: { head: 2, idle: 30 } })
  const [silent, half, dripping, quick] = [
    await TcpHand.open(stand.tcp),
    await TcpHand.open(stand.tcp),
    await TcpHand.open(stand.tcp),
    await TcpHand.open(stand.tcp),
  ]
  const upgrading = await TcpHand.open(stand.ws)
  for (const each of [silent, half, dripping, quick, upgrading]) t.teardown(() => each.close())
  const whole = (await hand(t, stand)).text('OPTIONS', `sip:${domain}`).replace('/UDP', '/TCP')
  quick.send(whole)
  half.send(whole.slice(0, 100))
  upgrading.send('GET / HTTP/1.1\r\nHost: x\r\n')
  const drip = setInterval(() => dripping.send('X'), 100)
  t.teardown(() => clearInterval(drip))
  await Promise.all([silent.gone(), half.gone(), dripping.gone(), upgrading.gone()])
  t.false(quick.closed)
  t.is(quick.responses[0]?.status, 200)
  t.true(await isAlive(stand))
})
