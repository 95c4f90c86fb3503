/** Refusal of a user's command: lines that name the obstacle, and no stack. */

/** Ends the command with a non-zero exit; each line of `message` says the fault, its place and the way out. */
export class CommandRefusal extends Error {
  /** The lines start with a file's name, so that editors find it; no name is put in front of them. */
  readonly located: boolean
  constructor(message: string, cause?: unknown, located = false) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CommandRefusal'
    this.located = located
  }
}
