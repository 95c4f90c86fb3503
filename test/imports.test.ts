/** Holds the floors of the architecture: who may import whom, and who may touch time, chance and the process. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import test from 'ava'
import { type Import, importsOf } from './support/imports.ts'
import { sourcePaths, withoutComments } from './support/sources.ts'

const root = join(import.meta.dirname, '..')

/** Inside the engine an import only goes to the left. */
const layers = ['messages', 'transports', 'cluster', 'transactions', 'overload', 'dialogs', 'routing', 'node']
/** The engine as others see it, each with who may open it. Tests see all of them. */
const doors: { readonly [door: string]: (path: string) => boolean } = {
  'signalling/index.ts': () => true,
  'signalling/tools.ts': (path) => path.startsWith('dialplans/'),
  'signalling/testing.ts': (path) => path.startsWith('dialplans/flows/'),
}
/** Tests of the engine, which open the file that they try. */
const engineTests = ['signalling', 'conformance', 'contracts', 'fuzz'].map((folder) => `test/${folder}/`)
/** What is passed in: every floor may know its shape, and only its shape. */
const passedIn = 'clock ids log element session peer-operators outbound-http storage/store capture/tap'
  .split(' ')
  .map((name) => `signalling/${name}.ts`)
/** Beside the layers: values that carry no state and may be used by all of them. */
const plain = ['signalling/errors.ts', 'signalling/stats.ts']
const shared = ['schemas', 'shared', 'role.ts'] // in elements/, what any element may import
const seenByDoors = `the engine is seen by ${Object.keys(doors).join(', ')}`
const ourselves = 'test/imports.test.ts'
const longest = 400
const medianAtMost = 90 // lines
const arrowsAtMost = 12 // between the rooms of dialplans/, its commands and files apart
const generated = /^elements\/(?:schemas\/(?:types|table)|[a-z-]+\/settings-type)\.ts$/
const topFolders = ['signalling', 'elements', 'dialplans', 'test', 'docker']
const testFolders = [
  ...['signalling', 'elements', 'dialplans', 'flows', 'conformance', 'contracts', 'hostile', 'interop', 'faults'],
  ...['campaigns', 'fuzz', 'package', 'images', 'bench', 'groups', 'support'],
]
const topFiles =
  /^(README|SPEC|ARCHITECTURE|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^LICENSE$|^NOTICE$|^\.(gitignore|gitattributes|npmrc|editorconfig|dockerignore)$|^(package|package-lock|tsconfig|biome)\.json$/

/** What makes one of them: for whoever composes, not for the engine. */
const makers = /\b(?:RealClock|ManualClock|randomIds|seededIds)\b/

/** Everything that breaks a rule in one source file, whose path is relative to the project. */
function faultsOf(path: string, source: string): readonly string[] {
  const faults: string[] = []
  const code = withoutComments(source)
  for (const imported of importsOf(code)) {
    const why = importFault(path, imported)
    if (why !== undefined) faults.push(`${path} imports ${imported.from}: ${why}`)
  }
  for (const { name, pattern, allowed, inTests = false } of restricted) {
    if ((inTests || !path.startsWith('test/')) && !allowed(path) && pattern.test(withoutStrings(code)))
      faults.push(`${path} uses ${name}, which is not for it`)
  }
  const lines = source.split('\n').length - 1
  if (lines > longest && !generated.test(path)) faults.push(`${path} has ${lines} lines, more than ${longest}`)
  return faults
}

function importFault(path: string, imported: Import): string | undefined {
  const { from } = imported
  if (!from.startsWith('.')) {
    if (!path.startsWith('test/') && from.startsWith('ava')) return 'a tool for tests'
    return undefined
  }
  const target = normalize(join(dirname(path), from))
  const [floor, folder = ''] = path.split('/')
  const [targetFloor, targetFolder = ''] = target.split('/')
  if (!target.endsWith('.ts') && !target.endsWith('.json')) return 'without its ending'
  if (floor === 'test') return testFault(path, target)
  if (!topFolders.slice(0, 3).includes(targetFloor!)) return 'outside the three floors'
  if (floor === 'signalling')
    return targetFloor === 'signalling' ? engineFault(path, target, imported) : 'an import only goes down'
  if (targetFloor === 'signalling') {
    const door = doors[target]
    if (door === undefined) return seenByDoors
    if (!door(path)) return `${target} is not for it`
  }
  if (floor === 'dialplans' && targetFloor === 'elements' && !isDoor(target)) return 'an element is seen by its index.ts'
  if (floor === 'elements') {
    if (targetFloor === 'dialplans') return 'an import only goes down'
    if (targetFloor === 'signalling') return undefined
    if (path === 'elements/catalogue.ts' || targetFolder === folder || shared.includes(targetFolder)) return undefined
    return 'an element never imports another'
  }
  return undefined
}

/** What `dialplans/` sees of the elements. */
function isDoor(target: string): boolean {
  const [, folder = '', file] = target.split('/')
  return file === undefined || file === 'index.ts' || shared.includes(folder)
}

/** Who has no file of the engine to try sees it as all others do. This file has imports to try the rules by. */
function testFault(path: string, target: string): string | undefined {
  if (!target.startsWith('signalling/') || target in doors) return undefined
  return path === ourselves || engineTests.some((folder) => path.startsWith(folder)) ? undefined : seenByDoors
}

function engineFault(path: string, target: string, { names, typeOnly }: Import): string | undefined {
  if (path in doors || path === 'signalling/node/index.ts') return undefined
  const [, folder, inFolder] = path.split('/')
  const [, targetFolder, targetInFolder] = target.split('/')
  if (target in doors) return 'the public surface is for those outside'
  if (passedIn.includes(target) && typeOnly) return undefined
  if (inFolder !== undefined && folder === targetFolder) return undefined
  if (passedIn.includes(target) && (targetInFolder !== undefined || makers.test(names))) return 'passed in, so imported as a type'
  if (passedIn.includes(target)) return undefined // pure functions beside the shape
  if (plain.includes(target)) return undefined
  if (inFolder === undefined) {
    const isPlain = passedIn.includes(path) || plain.includes(path)
    return typeOnly || targetInFolder === undefined || !isPlain
      ? undefined
      : 'it stands beside the layers and knows them as types'
  }
  if (targetInFolder === undefined) return 'only the node composes'
  if (folder === 'storage') return 'storage knows no SIP'
  if (folder === 'capture') return targetFolder === 'messages' || typeOnly ? undefined : 'capture reads messages only'
  const [from, to] = [layers.indexOf(folder!), layers.indexOf(targetFolder!)]
  if (to < 0) return `${targetFolder} is passed in`
  return to < from ? undefined : `${layers.join(' <- ')}`
}

interface Restricted {
  readonly name: string
  readonly pattern: RegExp
  readonly allowed: (path: string) => boolean
  readonly inTests?: true
}

const timeAndChance = (path: string): boolean =>
  path === 'signalling/clock.ts' || path === 'signalling/ids.ts' || path.startsWith('signalling/transports/')
const commandLine = (path: string): boolean => path.startsWith('dialplans/')

const restricted: readonly Restricted[] = [
  { name: 'the time of day', pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/, allowed: timeAndChance },
  { name: 'timers', pattern: /\b(?:setTimeout|setInterval)\b|timers\/promises/, allowed: timeAndChance },
  {
    name: 'chance',
    pattern: /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|FillSync|Fill)\b|\bgetRandomValues\b/,
    allowed: timeAndChance,
  },
  {
    name: 'the console',
    pattern: /\bconsole\.\w/,
    allowed: (path) => path === 'dialplans/commands/support/output.ts' || !path.startsWith('dialplans/'),
  },
  {
    name: 'a variable called told',
    pattern: /\b(?:const|let|readonly) told\b|[{,(] *told *[:,)}=]/,
    allowed: () => false,
    inTests: true,
  },
  { name: 'the environment', pattern: /\bprocess\.(?:env|argv|exit)\b/, allowed: commandLine },
]

/** Text of quoted strings blanked out; what a template computes stays. */
function withoutStrings(code: string): string {
  return code.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''")
}

test('every source keeps to its floor', (t) => {
  const files = sourcePaths()
  t.true(files.length > 30)
  t.deepEqual(
    files.flatMap((path) => faultsOf(path, readFileSync(join(root, path), 'utf8'))),
    [],
  )
})

interface Exported {
  readonly path: string
  readonly name: string
}

/** Names that a source of the floors declares and exports; generated types apart. */
function exportsOf(path: string, source: string): readonly Exported[] {
  if (path.startsWith('test/') || path.startsWith('elements/schemas/') || path.endsWith('/settings-type.ts')) return []
  if (path.endsWith('.flow.ts')) return [] // found by their folder
  const declared = /^export (?:async )?(?:type|interface|class|function|const) (\w+)/gm
  return [...withoutComments(source).matchAll(declared)].map(([, name]) => ({ path, name: name! }))
}

/** `path name` of all that some source imports, `path *` where that is everything. */
function importedNames(path: string, source: string): readonly string[] {
  return importsOf(withoutComments(source)).flatMap(({ from, names }) => {
    const target = normalize(join(dirname(path), from))
    const list = /\{([^}]*)\}/.exec(names)?.[1]
    if (list === undefined) return [`${target} *`]
    return list.split(',').map(
      (name) =>
        `${target} ${
          name
            .trim()
            .replace(/^type /, '')
            .split(' as ')[0]
        }`,
    )
  })
}

/** Exported names that two files have, and those that no file imports. */
function exportFaults(files: readonly (readonly [path: string, source: string])[]): readonly string[] {
  const exported = files.flatMap(([path, source]) => exportsOf(path, source))
  const imported = new Set(files.flatMap(([path, source]) => importedNames(path, source)))
  return exported.flatMap(({ path, name }) => {
    const others = exported.filter((each) => each.name === name && each.path !== path).map((each) => each.path)
    const twice = others.length === 0 ? [] : [`${path} exports ${name}, and so does ${others.join(', ')}`]
    const isUsed = imported.has(`${path} ${name}`) || imported.has(`${path} *`)
    return isUsed ? twice : [...twice, `${path} exports ${name}, which no file imports`]
  })
}

test('an exported name is that of one thing, and somebody imports it', (t) => {
  const files = sourcePaths().map((path) => [path, readFileSync(join(root, path), 'utf8')] as const)
  t.true(files.flatMap(([path, source]) => exportsOf(path, source)).length > 500)
  t.deepEqual(exportFaults(files), [])
  const named = ['elements/a.ts', 'export interface Answer {}\nexport type Refusal = 1 // export type No = 1'] as const
  const others = ['elements/b.ts', "import type { Refusal } from './a.ts'\nexport class Answer {}"] as const
  const user = [
    'test/c.ts',
    "import { Answer as B } from '../elements/b.ts'\nimport { type Answer } from '../elements/a.ts'",
  ] as const
  t.is(exportFaults([named, others, user]).length, 2)
  t.deepEqual(exportFaults([named]).length, 2)
})

/** Sources of the floors, each with the sources that it imports. */
function importGraph(): ReadonlyMap<string, readonly string[]> {
  const paths = sourcePaths().filter((path) => !path.startsWith('test/'))
  return new Map(
    paths.map((path) => {
      const imported = importsOf(withoutComments(readFileSync(join(root, path), 'utf8')))
      return [path, imported.map(({ from }) => normalize(join(dirname(path), from))).filter((target) => paths.includes(target))]
    }),
  )
}

/** The files of one circle of imports, or none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): readonly string[] => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path]
    if (done.has(path)) return []
    for (const next of graph.get(path) ?? []) {
      const circle = visit(next, [...way, path])
      if (circle.length > 0) return circle
    }
    done.add(path)
    return []
  }
  for (const path of graph.keys()) {
    const circle = visit(path, [])
    if (circle.length > 0) return circle
  }
  return []
}

test('no files import each other in a circle', (t) => {
  t.deepEqual(circleIn(importGraph()), [])
  t.deepEqual(
    circleIn(
      new Map([
        ['a', ['b']],
        ['b', ['c', 'd']],
        ['c', []],
        ['d', ['b']],
      ]),
    ),
    ['b', 'd', 'b'],
  )
})

test('the rooms of dialplans/ need few of each other', (t) => {
  const arrows = new Set<string>()
  for (const [path, targets] of importGraph()) {
    const [floor, room] = path.split('/')
    for (const target of targets) {
      const [otherFloor, other] = target.split('/')
      if (floor === 'dialplans' && otherFloor === 'dialplans' && room !== other) arrows.add(`${room} -> ${other}`)
    }
  }
  t.true(arrows.size <= arrowsAtMost, [...arrows].join(', '))
})

test('half of the files have fewer lines than a screen or two', (t) => {
  const lengths = [...importGraph().keys()].map((path) => readFileSync(join(root, path), 'utf8').split('\n').length - 1)
  t.true(lengths.sort((a, b) => a - b)[lengths.length >> 1]! < medianAtMost)
})

test('the top holds three floors, tests and configuration', (t) => {
  const ignored = /^(\.git|\.ci|node_modules|data|dist|results|coverage)$|\.(?:pcapng|tgz)$/
  const strangers = readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !ignored.test(name))
    .filter((entry) => !(entry.isDirectory() ? topFolders.includes(entry.name) : topFiles.test(entry.name)))
  t.deepEqual(
    strangers.map(({ name }) => name),
    [],
  )
})

test('tests lie where a command runs them: beside none but these folders', (t) => {
  const folders = readdirSync(join(root, 'test'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  t.deepEqual(
    folders.map(({ name }) => name).filter((name) => !testFolders.includes(name)),
    [],
  )
})

const bad: readonly (readonly [path: string, source: string, fault: RegExp])[] = [
  ['signalling/node/index.ts', "import { x } from '../../elements/hss/index.ts'", /only goes down/],
  ['signalling/routing/a.ts', "import type { x } from '../../dialplans/load.ts'", /only goes down/],
  ['elements/hss/index.ts', "import { x } from '../../dialplans/load.ts'", /only goes down/],
  ['elements/hss/index.ts', "import type { x } from '../../signalling/clock.ts'", /signalling\/index\.ts/],
  ['dialplans/a.ts', "import type { x } from '../signalling/clock.ts'", /signalling\/index\.ts/],
  ['elements/hss/index.ts', "import { x } from '../../signalling/tools.ts'", /not for it/],
  ['elements/hss/index.ts', "import { ManualClock } from '../../signalling/testing.ts'", /not for it/],
  ['dialplans/running/a.ts', "import { ManualClock } from '../../signalling/testing.ts'", /not for it/],
  ['test/elements/a.test.ts', "import type { x } from '../../signalling/clock.ts'", /signalling\/index\.ts/],
  ['signalling/node/a.ts', "import { x } from '../testing.ts'", /for those outside/],
  ['elements/hss/index.ts', "import { x } from '../prose/index.ts'", /never imports another/],
  ['elements/shared/a.ts', "import { x } from '../prose/index.ts'", /never imports another/],
  ['dialplans/a.ts', "import { x } from '../elements/hss/records.ts'", /seen by its index\.ts/],
  ['elements/hss/index.ts', "export * from '../prose/index.ts'", /never imports another/],
  ['elements/hss/index.ts', "const x = await import('../prose/index.ts')", /never imports another/],
  ['elements/hss/index.ts', "import {\n  a,\n  b,\n} from '../prose/index.ts'", /never imports another/],
  ['signalling/messages/a.ts', "import { x } from '../transports/udp.ts'", /messages <- transports/],
  ['signalling/transactions/a.ts', "import type { x } from '../dialogs/a.ts'", /overload <- dialogs/],
  ['signalling/dialogs/a.ts', "import { x } from '../routing/a.ts'", /dialogs <- routing/],
  ['signalling/routing/a.ts', "import { x } from '../node/index.ts'", /routing <- node/],
  ['signalling/routing/a.ts', "import { RealClock } from '../clock.ts'", /imported as a type/],
  ['signalling/routing/a.ts', "import { memoryStore } from '../storage/memory.ts'", /storage is passed in/],
  ['signalling/routing/a.ts', "import { type A, b } from '../storage/store.ts'", /imported as a type/],
  ['signalling/storage/a.ts', "import { x } from '../messages/uri.ts'", /knows no SIP/],
  ['signalling/capture/a.ts', "import { x } from '../dialogs/a.ts'", /reads messages only/],
  ['signalling/clock.ts', "import { x } from './messages/uri.ts'", /knows them as types/],
  ['signalling/messages/a.ts', "import { x } from '../index.ts'", /for those outside/],
  ['signalling/messages/a.ts', "import { x } from './b'", /without its ending/],
  ['dialplans/a.ts', "import { x } from '../test/support/a.ts'", /outside the three floors/],
  ['dialplans/a.ts', "import test from 'ava'", /tool for tests/],
  ['elements/hss/a.ts', 'const at = Date.now()', /the time of day/],
  ['elements/hss/a.ts', 'const text = `at ${' + 'new Date().toISOString()}`', /the time of day/],
  ['signalling/dialogs/a.ts', 'setTimeout(run, 5)', /timers/],
  ['dialplans/a.ts', 'setInterval(run, 5)', /timers/],
  ['dialplans/a.ts', "import { setTimeout as sleep } from 'node:timers/promises'", /timers/],
  ['elements/ue/a.ts', 'const x = Math.random()', /chance/],
  ['elements/ue/a.ts', "import { randomUUID } from 'node:crypto'", /chance/],
  ['elements/ue/a.ts', 'const home = process.env.HOME', /the environment/],
  ['elements/ue/a.ts', 'const told = 1', /called told/],
  ['test/elements/a.test.ts', 'const { x, told } = y', /called told/],
  ['signalling/node/index.ts', 'process.exit(1)', /the environment/],
  ['dialplans/commands/a.ts', 'console.log(text)', /the console/],
  ['elements/ue/a.ts', '\n'.repeat(401), /more than 400/],
]

for (const [path, source, fault] of bad) {
  test(`refused in ${path}: ${source.slice(0, 60).replace(/\s+/g, ' ')}`, (t) => {
    const faults = faultsOf(path, source)
    t.is(faults.length, 1)
    t.regex(faults[0] ?? '', fault)
  })
}

const good: readonly (readonly [path: string, source: string])[] = [
  ['signalling/routing/a.ts', "import { x } from '../messages/uri.ts'\nimport type { Clock } from '../clock.ts'"],
  ['signalling/routing/a.ts', "import { hashHex, type Ids } from '../ids.ts'"],
  ['signalling/routing/a.ts', "import { type Store, type Json } from '../storage/store.ts'"],
  ['signalling/transports/a.ts', 'setTimeout(run, 5)\nDate.now()'],
  ['signalling/node/index.ts', "import { x } from '../routing/plan.ts'"],
  [
    'elements/hss/a.ts',
    "import { x } from '../../signalling/index.ts'\nimport { y } from '../schemas/index.ts'\nimport './b.ts'",
  ],
  ['elements/hss/a.ts', "// Date.now() is not for us, import { x } from '../prose/index.ts'\nconst text = 'setTimeout // no'"],
  ['elements/hss/a.ts', "/* import { x } from '../prose/index.ts' */ const when = new Date(5)"],
  ['elements/catalogue.ts', "import { hssRole } from './hss/role.ts'"],
  ['elements/hss/role.ts', "import type { Role } from '../role.ts'"],
  ['elements/hss/a.ts', "import { createHash } from 'node:crypto'"],
  ['dialplans/a.ts', "import { x } from '../elements/hss/index.ts'\nimport { y } from '../elements/catalogue.ts'"],
  ['dialplans/a.ts', "import { x } from '../signalling/index.ts'\nprocess.exit(0)"],
  [
    'dialplans/flows/stage/a.ts',
    "import { x } from '../../../signalling/testing.ts'\nimport { y } from '../../../signalling/tools.ts'",
  ],
  ['test/elements/a.test.ts', "import test from 'ava'\nimport { x } from '../../signalling/testing.ts'\nsetTimeout(run, 5)"],
  ['test/signalling/a.test.ts', "import { x } from '../../signalling/clock.ts'\nimport { y } from '../../signalling/testing.ts'"],
]

for (const [path, source] of good) {
  test(`admitted in ${path}: ${source.slice(0, 60).replace(/\s+/g, ' ')}`, (t) => {
    t.deepEqual(faultsOf(path, source), [])
  })
}
