/** Refusal of a user's command: lines that say what cannot be done, and no stack. */

/** Ends the command with a non-zero exit; each line of `message` says what, where and what to do. */
export class CommandRefusal extends Error {
  /** The lines start with a file's name, so that editors find it; no name is put in front of them. */
  readonly located: boolean
  constructor(message: string, cause?: unknown, located = false) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CommandRefusal'
    this.located = located
  }
}
