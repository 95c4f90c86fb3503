/**
 * Bounded number of open HTTP connections. When all places are taken, a new connection replaces the one that has
 * asked nothing for longest. So nobody keeps others from asking by requests that only begin.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export class ConnectionPlaces {
  private readonly most: number
  /** Connections without a request that is being answered, the one that waits longest first. */
  private readonly waiting = new Set<Socket>()
  private readonly asking = new Set<Socket>()

  constructor(most: number) {
    this.most = most
  }
  enter(socket: Socket): void {
    socket.once('close', () => {
      this.waiting.delete(socket)
      this.asking.delete(socket)
    })
    if (this.waiting.size + this.asking.size >= this.most) {
      const [longest] = this.waiting
      if (longest === undefined) {
        socket.destroy() // all are being answered
        return
      }
      this.waiting.delete(longest)
      longest.destroy()
    }
    this.waiting.add(socket)
  }
  /** Its request is whole, but for its body. */
  asks(socket: Socket, response: ServerResponse): void {
    if (!this.waiting.delete(socket)) return
    this.asking.add(socket)
    response.once('close', () => {
      if (this.asking.delete(socket) && !socket.destroyed) this.waiting.add(socket)
    })
  }
}
