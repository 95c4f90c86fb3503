/** A name server on loopback, over UDP, that answers as it is told (RFC 1035 §4.1): records, nothing, a failure, or noise. */
import { createSocket } from 'node:dgram'

type Answer = readonly Buffer[] | 'missing' | 'failure' | 'noise' | 'silence'

export interface NameServer {
  /** `address:port`, as a resolver takes it. */
  readonly address: string
  readonly questions: readonly string[]
  close(): void
}

const types: { readonly [number: number]: string } = { 1: 'A', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' }

/** `answer` gets `TYPE name`; `record` and its fellows make what it returns. */
export function openNameServer(answer: (question: string) => Answer): Promise<NameServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (query, from) => {
    let at = 12
    const labels: string[] = []
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
    const type = query.readUInt16BE(at + 1)
    const question = `${types[type]} ${labels.join('.')}`
    questions.push(question)
    const answered = answer(question)
    if (answered === 'silence') return
    if (answered === 'noise') return socket.send(Buffer.from('no such thing'), from.port, from.address)
    const records = typeof answered === 'string' ? [] : answered
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180 | (answered === 'missing' ? 3 : answered === 'failure' ? 2 : 0), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(records.length, 6)
    const all = records.map((data) => {
      const fixed = Buffer.alloc(12)
      fixed.writeUInt16BE(0xc00c, 0)
      fixed.writeUInt16BE(type, 2)
      fixed.writeUInt16BE(1, 4)
      fixed.writeUInt32BE(60, 6)
      fixed.writeUInt16BE(data.length, 10)
      return Buffer.concat([fixed, data])
    })
    socket.send(Buffer.concat([head, query.subarray(12, at + 5), ...all]), from.port, from.address)
  })
  return new Promise((resolve) =>
    socket.bind(0, '127.0.0.1', () =>
      resolve({ address: `127.0.0.1:${socket.address().port}`, questions, close: () => socket.close() }),
    ),
  )
}

export function a(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

export function srv(priority: number, weight: number, port: number, target: string): Buffer {
  return Buffer.concat([numbers(priority, weight, port), domainName(target)])
}

export function naptr(order: number, preference: number, flags: string, service: string, replacement: string): Buffer {
  const texts = [flags, service, ''].flatMap((text) => [Buffer.from([text.length]), Buffer.from(text)])
  return Buffer.concat([numbers(order, preference), ...texts, domainName(replacement)])
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2)
  return bytes
}

function domainName(name: string): Buffer {
  return Buffer.concat([
    ...name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ])
}
