/** Refusals of a command: lines for its user that name the obstacle, never a stack. */
import { ProximaFault } from '../../../signalling/index.ts'
import { type DialplanFault, printFault } from '../../network/dialplan.ts'
import { CommandRefusal } from '../../network/refusal.ts'

export { CommandRefusal }

export function refuseFaults(faults: readonly DialplanFault[]): CommandRefusal {
  return new CommandRefusal(faults.map(printFault).join('\n'), undefined, true)
}

const listening: { readonly [code: string]: string } = {
  // of HTTP: a transport of SIP says IN_USE
  EADDRINUSE: 'is in use by another program; stop that one, or choose another port, in the dialplan or by --http',
  EACCES: 'may not be opened by this user; choose a port above 1023',
  EADDRNOTAVAIL: 'is no address of this machine; choose 127.0.0.1 or one that it has',
  ENOTFOUND: 'is no host that can be found; choose an IP address',
}

/** A socket's or store's own error as a refusal; anything else is returned as it is, for it is a bug. */
export function commandRefusalOf(error: unknown): unknown {
  if (error instanceof CommandRefusal || !(error instanceof Error)) return error
  if (error instanceof ProximaFault && error.code === 'IN_USE')
    return new CommandRefusal(
      `${error.message}; stop the program that has it, or choose another port, in the dialplan or by --port-udp, --port-tcp, --port-ws`,
      error,
    )
  if (error instanceof ProximaFault && error.code === 'NO_NATIVE')
    return new CommandRefusal(`${error.message}; leave --udp out, and dgram is used`, error)
  const { code, address, port, syscall, path } = error as NodeJS.ErrnoException & {
    readonly address?: string
    readonly port?: number
  }
  if (
    code !== undefined &&
    listening[code] !== undefined &&
    (syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo')
  )
    return new CommandRefusal(`${address ?? 'the address'}${port === undefined ? '' : `:${port}`} ${listening[code]}`, error)
  if (syscall === 'open' && path !== undefined)
    return new CommandRefusal(`${path} cannot be opened (${code}); name a file in a folder that exists and may be written`, error)
  if (syscall === 'mkdir' && path !== undefined)
    return new CommandRefusal(`data folder ${path} cannot be made (${code}); give another one with --data, or memory`, error)
  if (code?.startsWith('store-')) return new CommandRefusal(error.message.split('\n', 1)[0]!, error)
  return error
}
