/** Serves a page with our clients on sip.js and JsSIP to a browser, from the sources and the installed packages. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire, isBuiltin, stripTypeScriptTypes } from 'node:module'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const resolve = createRequire(import.meta.url).resolve
const sipJsFolder = dirname(fileURLToPath(import.meta.resolve('sip.js')))

const page = `<!doctype html><meta charset="utf-8"><title>SIP</title>
<script type="importmap">{ "imports": { "sip.js": "/sip.js/index.js", "jssip": "/jssip.js" } }</script>
<script type="module">
import { jsSip } from '/clients/jssip.ts'
import { sipJs } from '/clients/sipjs.ts'
globalThis.drive = (name, account) => {
  globalThis.command = (name === 'sipjs' ? sipJs : jsSip)(account, (line) => console.log(line))
}
console.log('page ready')
</script>`

/** CommonJS modules, all that one asks for, as one module with a default export. */
function bundle(entry: string): string {
  const modules = new Map<string, string>()
  const add = (file: string): void => {
    if (modules.has(file)) return
    modules.set(file, '')
    const source = readFileSync(file, 'utf8')
    if (file.endsWith('.json')) {
      modules.set(file, `module.exports = ${source}`)
      return
    }
    const from = createRequire(file)
    const named = source.replace(/\brequire\((['"])([^'"]+)\1\)/g, (whole, _quote, name: string) => {
      const found = nameOf(name, from)
      if (found === undefined) return whole
      add(found)
      return `require(${JSON.stringify(relative(import.meta.dirname, found))})`
    })
    modules.set(file, named)
  }
  add(entry)
  const entries = [...modules].map(
    ([file, source]) => `${JSON.stringify(relative(import.meta.dirname, file))}: (module, exports, require) => {\n${source}\n}`,
  )
  return `const sources = {\n${entries.join(',\n')}\n}
const loaded = {}
function require(name) {
  if (loaded[name] === undefined) sources[name](loaded[name] = { exports: {} }, loaded[name].exports, require)
  return loaded[name].exports
}
export default require(${JSON.stringify(relative(import.meta.dirname, entry))})`
}

/** The file of a module; undefined: part of Node, or not there, and not needed in a browser. */
function nameOf(name: string, from: NodeJS.Require): string | undefined {
  if (name === 'events') return from.resolve('events/')
  if (name === 'debug') return join(dirname(from.resolve('debug/package.json')), 'src/browser.js')
  return isBuiltin(name) ? undefined : from.resolve(name)
}

function contentOf(path: string): string | undefined {
  if (path === '/') return page
  if (path === '/wake-worker.js') return readFileSync(resolve('proxima/wake-worker.js'), 'utf8')
  if (path === '/jssip.js') return bundle(resolve('jssip'))
  const [, folder, rest] = /^\/(clients|sip\.js)(\/.+)$/.exec(normalize(path)) ?? []
  if (folder === 'clients') return stripTypeScriptTypes(readFileSync(join(import.meta.dirname, rest!), 'utf8'))
  if (folder === 'sip.js') return readFileSync(join(sipJsFolder, rest!), 'utf8')
  return undefined
}

/** Resolves with the server once it listens, on loopback. */
export function servePage(): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!
    const content = contentOf(path)
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': path === '/' ? 'text/html' : 'text/javascript' })
    response.end(content)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve({ server, address: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/` })
    })
  })
}
