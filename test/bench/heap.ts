/** Live memory, in the heap and beside it. Of another Node process: its inspector is woken by a signal, told to collect garbage, and asked. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pause, type Server } from './servers.ts'

/** The same of this process. */
export function ownLiveMemory(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

/** Bytes that are live in the process's heap and beside it, or undefined where it is not a Node process of ours. */
export async function liveMemory(server: Server): Promise<number | undefined> {
  if (server.name !== 'proxima') return undefined
  const session = await Inspector.open(await inspectorOf(server))
  try {
    await session.call('HeapProfiler.collectGarbage')
    await session.call('HeapProfiler.collectGarbage')
    const { result } = (await session.call('Runtime.evaluate', {
      expression: '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())',
    })) as { result: { value: number } }
    return result.value
  } finally {
    session.close()
  }
}

/** Where its inspector listens, which it is told to do by SIGUSR1 unless it does. */
async function inspectorOf(server: Server): Promise<string> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const url = /^Debugger listening on (ws:\S+)$/m.exec(server.output())?.[1]
    if (url !== undefined) return url
    if (attempt === 0) process.kill(server.pid, 'SIGUSR1')
    await pause(100)
  }
  throw new Error('the inspector of the server does not listen')
}

class Inspector {
  private readonly socket: WebSocket
  private readonly waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>()
  private serial = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } }
      this.waiting.get(message.id ?? 0)?.(message)
    })
  }

  static open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    return new Promise((resolve, reject) => {
      socket.addEventListener('open', () => resolve(new Inspector(socket)))
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)))
    })
  }

  call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.serial
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id)
        if (error !== undefined) reject(new Error(`${method}: ${error.message}`))
        else resolve(result)
      })
      this.socket.send(JSON.stringify({ id, method, params }))
    })
  }

  close(): void {
    this.socket.close()
  }
}
