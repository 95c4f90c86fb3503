/** Settings that the schema admits and an element cannot take: the fault, and the value expected. */

/** Thrown where an element is made or reads its settings anew. */
export class SettingsError extends Error {
  /** The fault, by the name of the setting. */
  readonly found: string
  /** The value expected instead. */
  readonly expected: string

  constructor(found: string, expected: string) {
    super(`${found}; expected ${expected}`)
    this.name = 'SettingsError'
    this.found = found
    this.expected = expected
  }
}
