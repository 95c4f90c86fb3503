/** Another Push server of the same operator, played by the test, and somebody whose identifier has its flag bits. */
import type { Element, Exchange } from '../../../signalling/index.ts'

export const dora = { id: 'dora', permissions: { discoverable: false, discoverer: false }, push: [{ id: '1b2c3d4e5f607182' }] }
export const doraId = dora.push[0]!.id
/** Settings by which it is known. */
export const servers = [{ element: 'push2', flags: '0001' }]

export class NextServer implements Element {
  readonly name = 'push2'
  readonly claims = [{ method: 'MESSAGE', user: 'push2' }]
  /** Bodies and Request-URIs of what it took. */
  readonly taken: string[] = []
  status = 503

  start(): void {}
  handle(exchange: Exchange): void {
    const { body, contentType, uriText } = exchange.request
    if (contentType === 'text/plain' && this.status === 200) this.taken.push(`${String(body)} ${uriText}`)
    exchange.reply(this.status)
  }
}
