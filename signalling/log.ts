/** One line a decision. Shaped so that a pino logger fits as it is; the engine itself knows no logging library. */
export interface Log {
  readonly level: string
  trace(fields: object, text: string): void
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
  child(fields: object): Log
}

const nothing = (): void => undefined

/** Says nothing; for tests and for programs that bring no log. */
export const silent: Log = {
  level: 'silent',
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
}
