/** Completion in real shells: the Tab key on a terminal of their own. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { program, Running } from '../support/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-completion-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
mkdirSync(join(folder, 'certificates'))
for (const file of ['calls.pcapng', 'calls.txt', 'mine.yaml']) writeFileSync(join(folder, file), '')
/** A command that completes as ours does, and tells what it would run. */
writeFileSync(
  join(folder, 'proxima'),
  `#!/bin/sh\n[ "$1" = completion ] && exec '${process.execPath}' '${program}' "$@"\necho "ran: $*|"\n`,
)
chmodSync(join(folder, 'proxima'), 0o755)

/** A shell without settings of its user, and lines that have it complete. */
const shells: { readonly [shell: string]: { readonly args: string; readonly setUp: readonly string[] } } = {
  bash: { args: '--norc --noprofile -i', setUp: ['source <(proxima completion bash)'] },
  zsh: { args: '-f -i', setUp: ['autoload -Uz compinit && compinit -u -d ./zcompdump', 'source <(proxima completion zsh)'] },
  fish: { args: '--no-config -i', setUp: ['proxima completion fish | source'] },
}

/** What is typed before the Tab key, and what is there after it. */
const lines: { readonly [typed: string]: string } = {
  'proxima exp': 'explain',
  'proxima hss imp': 'hss import',
  'proxima start --udp=na': 'start --udp=native',
  'proxima start mi': 'start mine.yaml',
  'proxima ue alice --mme sip:mm': 'ue alice --mme sip:mme@localhost',
  'proxima trace ca': 'trace calls.pcapng',
  'proxima cert --out cert': 'cert --out certificates',
}

for (const [shell, { args, setUp }] of Object.entries(shells))
  test.serial(`the Tab key in ${shell}`, async (t) => {
    const environment = ['HOME=.', `PATH=${folder}:${process.env['PATH']}`, 'TERM=vt100', 'PS1=> ']
    const terminal = new Running('env', [...environment, 'script', '-qfec', `${shell} ${args}`, '/dev/null'], { cwd: folder })
    t.teardown(() => terminal.stop(500))
    for (const line of [...setUp, "printf 'set %s\\n' up"]) terminal.type(`${line}\n`)
    await terminal.said(/set up/)
    for (const [typed, completed] of Object.entries(lines)) {
      const since = terminal.output.length
      terminal.type(`${typed}\t`)
      terminal.type('\n')
      const [, ran] = await terminal.said(/ran: (.*?)\/? *\|/, since)
      t.is(ran, completed)
    }
  })
