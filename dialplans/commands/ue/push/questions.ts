/** Questions to the user of `proxima ue` on the terminal, answered by a line of standard input; other lines are said in a talk. */
import { createInterface, type Interface } from 'node:readline'
import type { OpenAnswer } from '../../../../elements/ue/index.ts'

const longest = 1000 // lines that nobody has asked for

interface Question {
  readonly show: () => void
  readonly settle: (line: string | undefined) => void
}

/** A question that was put. No answer is no. */
interface PutQuestion {
  readonly answer: Promise<OpenAnswer>
  /** Nobody needs the answer any more. */
  withdraw(): void
}

/** One question at a time: the next one is shown when the one before has its answer. */
export class TerminalQuestions {
  private readonly lines: Interface
  private readonly waiting: Question[] = []
  private readonly early: string[] = []
  private isOver = false
  private talking: ((line: string) => void) | undefined

  constructor(input: NodeJS.ReadableStream) {
    this.lines = createInterface({ input, terminal: false })
    this.lines.on('line', (line) => this.came(line))
    this.lines.on('close', () => {
      this.isOver = true
      for (const { settle } of [...this.waiting]) settle(undefined)
    })
  }
  private came(line: string): void {
    const [first] = this.waiting
    if (first !== undefined) first.settle(line)
    else if (this.talking !== undefined) this.talking(line)
    else if (this.early.length < longest) this.early.push(line)
  }
  /** @param byEarlier a line that came before the question may answer it, as in a script */
  put(show: () => void, byEarlier: boolean): PutQuestion {
    let withdraw: () => void = () => undefined
    const line = new Promise<string | undefined>((resolve) => {
      const question: Question = {
        show,
        settle: (answer) => {
          const at = this.waiting.indexOf(question)
          if (at < 0) return
          this.waiting.splice(at, 1)
          resolve(answer)
          if (at === 0) this.waiting[0]?.show()
        },
      }
      withdraw = () => question.settle(undefined)
      this.waiting.push(question)
      if (this.waiting.length === 1) show()
      const earlier = byEarlier && this.waiting.length === 1 ? this.early.shift() : undefined
      if (earlier !== undefined || this.isOver) question.settle(earlier)
    })
    return { answer: line.then(answerIn), withdraw }
  }
  /** Lines that answer no question go there; undefined: they wait for the next one. @param withEarlier those of before, too */
  talkBy(say: ((line: string) => void) | undefined, withEarlier = false): void {
    this.talking = say
    const earlier = say === undefined ? [] : this.early.splice(0)
    if (withEarlier) for (const line of earlier) say?.(line)
  }
  close(): void {
    this.lines.close()
  }
}

function answerIn(line: string | undefined): OpenAnswer {
  const word = line?.trim().toLowerCase() ?? ''
  if (word === 'always' || word === 'a') return 'always'
  return word === 'y' || word === 'yes' ? 'yes' : 'no'
}
