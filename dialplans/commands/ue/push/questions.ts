/** Questions to the user of `proxima ue` on the terminal, answered by a line of standard input; other lines are said in a talk. */
import { createInterface, type Interface } from 'node:readline'
import type { OpenAnswer } from '../../../../elements/ue/index.ts'

const longest = 1000 // lines that nobody has asked for

export class TerminalQuestions {
  private readonly lines: Interface
  private waiting: ((line: string | undefined) => void) | undefined
  private readonly early: string[] = []
  private isOver = false
  private talking: ((line: string) => void) | undefined

  constructor(input: NodeJS.ReadableStream) {
    this.lines = createInterface({ input, terminal: false })
    this.lines.on('line', (line) => this.came(line))
    this.lines.on('close', () => {
      this.isOver = true
      this.came(undefined)
    })
  }
  private came(line: string | undefined): void {
    const { waiting } = this
    this.waiting = undefined
    if (waiting !== undefined) waiting(line)
    else if (line !== undefined && this.talking !== undefined) this.talking(line)
    else if (line !== undefined && this.early.length < longest) this.early.push(line)
  }
  /** No answer is no. */
  async answer(): Promise<OpenAnswer> {
    const line = this.early.shift() ?? (this.isOver ? undefined : await this.next())
    const word = line?.trim().toLowerCase() ?? ''
    if (word === 'always' || word === 'a') return 'always'
    return word === 'y' || word === 'yes' ? 'yes' : 'no'
  }
  /** Lines that answer no question go there, those of before too; undefined: they wait for the next question. */
  talkBy(say: ((line: string) => void) | undefined): void {
    this.talking = say
    if (say !== undefined) for (const line of this.early.splice(0)) say(line)
  }
  private next(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.waiting = resolve
    })
  }
  close(): void {
    this.lines.close()
  }
}
