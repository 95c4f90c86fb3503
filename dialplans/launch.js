#!/usr/bin/env node
/**
 * Launcher of the command line, in plain JavaScript: a Node too old to strip types reads it too.
 * Such a Node starts the pinned one where it is installed, and else says in one line what is missing.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldest = [22, 20]
const folder = dirname(fileURLToPath(import.meta.url))
const launchedBefore = 'PROXIMA_LAUNCHED'

function isRecent(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

/** The Node of the npm package `node`, in our packages or beside us; undefined where there is none. */
function pinnedNode() {
  try {
    const found = module.createRequire(import.meta.url).resolve('node/package.json')
    const binary = join(dirname(found), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined // that package is not installed
  }
}

/** Runs the command line by that Node, with this terminal, these signals and its exit code. */
function runBy(node) {
  const env = Object.assign({}, process.env, { [launchedBefore]: '1' })
  const child = spawn(node, [join(folder, 'launch.js')].concat(process.argv.slice(2)), { stdio: 'inherit', env })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // A terminal sends SIGINT to the child too; the second one would end it at once.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  child.on('error', refuse)
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}

function refuse() {
  const wanted = `Node ${oldest.join('.')} or later`
  const isClone = existsSync(join(folder, 'commands/index.ts')) // else it is the package, compiled
  const way = isClone ? 'run npm install in its folder' : 'run npm install node@24 beside it (with npx: npx -p node@24 -p …)'
  console.error(`proxima: needs ${wanted}, this is ${process.versions.node}: install that, or ${way}`)
  process.exit(1)
}

if (isRecent(process.versions.node)) {
  // What Node has compiled is kept beside the packages, types stripped: it starts in little more than half the time.
  module.enableCompileCache?.(join(folder, '../node_modules/.cache/compile')) // where that cannot be written, it does without
  import('./commands/index.ts')
} else {
  const node = process.env[launchedBefore] === undefined ? pinnedNode() : undefined
  if (node === undefined) refuse()
  else runBy(node)
}
