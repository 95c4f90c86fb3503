/** Requests of one HTTP connection, one after the other: a pipelined request is served when the one before has been answered. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export class RequestTurns {
  private readonly most: number
  /** Requests that wait, by connections whose request is being answered. */
  private readonly lines = new WeakMap<Socket, (() => void)[]>()

  /** @param most that wait on one connection; it ends with the next */
  constructor(most: number) {
    this.most = most
  }
  take(socket: Socket, response: ServerResponse, begin: () => void): void {
    const line = this.lines.get(socket)
    const run = (): void => {
      response.once('close', () => this.next(socket))
      begin()
    }
    if (line === undefined) {
      this.lines.set(socket, [])
      run()
    } else if (line.length < this.most) line.push(run)
    else socket.destroy()
  }
  private next(socket: Socket): void {
    const run = socket.destroyed ? undefined : this.lines.get(socket)?.shift()
    if (run === undefined) this.lines.delete(socket)
    else run()
  }
}
