/** Holds the papers: citations lead somewhere, README is read in five minutes, and comments name their nouns. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import test from 'ava'
import { flowsNamed, loadFlows } from '../dialplans/flows/index.ts'
import { roles } from '../elements/catalogue.ts'

const root = join(import.meta.dirname, '..')
const folders = ['signalling', 'elements', 'dialplans', 'test', 'docker']
const readable = /\.(?:ts|js|json|ya?ml|sh|c|h|md|xml|pl|csv)$/
/** This file itself: it holds citations of pages that do not exist, to try the rules by. */
const ourselves = 'test/papers.test.ts'

/** Pages in plain sentences of at most 25 words. SPEC and ARCHITECTURE have a style of their own, CHANGELOG is a list. */
const plainPages = [
  'README.md',
  'CONTRIBUTING.md',
  'dialplans/README.md',
  'docker/README.md',
  'docker/package/README.md',
  'elements/README.md',
  'signalling/README.md',
  'docker/systemd/README.md',
  'test/bench/README.md',
  'test/interop/README.md',
]
const wordsOfSentence = 25
/** Beginnings of a comment that name nothing: it is to begin with its noun, or a verb. */
const nameless = ['What', 'Who', 'Whose', 'Whom', 'Whoever', 'Whatever', 'Where', 'Those', 'How']
const wordsOfReadme = 1400
const lettersOfWarning = 100 // as it stands in the source, what is filled in apart

/** What ARCHITECTURE names and later steps of the move will make. What is there by now is taken off this list. */
const planned: readonly string[] = []

function listed(): readonly string[] {
  const inFolders = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
    )
  const atTop = readdirSync(root).filter((name) => readable.test(name))
  return [...atTop, ...inFolders]
}

const paths = listed()
const known = new Set(paths)
const names = new Set(paths.map((path) => basename(path)))
const texts = paths.filter((path) => readable.test(path) && path !== ourselves && path !== 'package-lock.json')

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Pages that a text cites and that are neither beside it nor where they say. */
function strayPages(path: string, text: string): readonly string[] {
  const pages = [...text.matchAll(/(?<![\w*-])(?:[\w.-]+\/)*[A-Za-z][\w-]*\.md\b/g)].map(([page]) => page)
  const outside = [...text.matchAll(/(?<![\w/])(?:\.\.\/|\/work\/)?(?:shared|design)\/[\w./-]+/g)].map(([page]) => page)
  const strange = pages.filter((page) => !isThere(path, page))
  return [...strange, ...outside.filter((page) => !isThere(path, page))].map((page) => `${path} cites ${page}`)
}

function isThere(from: string, to: string): boolean {
  const target = to.replace(/\/$/, '')
  return known.has(normalize(join(dirname(from), target))) || known.has(normalize(target)) || folders.includes(target)
}

/** Sections of SPEC.md that a text cites and that are not in it: `SPEC §2.1, §3.4–§3.6`; in SPEC itself every § of its own. */
function straySections(path: string, text: string, sections: ReadonlySet<string>): readonly string[] {
  const lists =
    path === 'SPEC.md'
      ? text.replace(/RFC \d+ (?:§[\d.]+[\s,–]*)+/g, '').matchAll(/§\d[\d.]*/g)
      : text.matchAll(/SPEC ((?:§\d[\d.]*(?:(?:,| and| to|–)\s*(?=§))?\s*)+)/g)
  return [...lists].flatMap(([list]) =>
    [...list.matchAll(/§(\d+(?:\.\d+)*)/g)].flatMap(([, section]) =>
      sections.has(section!) ? [] : [`${path} cites SPEC §${section}`],
    ),
  )
}

function sectionsOf(spec: string): ReadonlySet<string> {
  return new Set([...spec.matchAll(/^#+ §(\d+(?:\.\d+)*)/gm)].map(([, section]) => section!))
}

/** Relative links, and files and folders named between backticks or in commands, that do not exist. */
function strayPaths(path: string, text: string): readonly string[] {
  const links = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!).filter((link) => !link.includes(':'))
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!).filter(looksLikeFile)
  // the tree in ARCHITECTURE is the one that the project is being moved to
  const blocks = path === 'ARCHITECTURE.md' ? [] : [...text.matchAll(/^```[\s\S]*?^```/gm)].map(([block]) => block)
  const inCommands = blocks.flatMap((block) =>
    [...block.matchAll(/(?<![\w./-])(?:\.\/)?((?:signalling|elements|dialplans|test|docker)\/[\w./*-]*\w)/g)].map(
      ([, named]) => named!,
    ),
  )
  return [...links, ...spans, ...inCommands].filter((named) => !exists(path, named)).map((named) => `${path} names ${named}`)
}

function looksLikeFile(span: string): boolean {
  if (/[<>{}…\s]/.test(span)) return false
  return (
    /^(?:\.\/)?(?:signalling|elements|dialplans|test|docker)\/[\w./*-]*$/.test(span) ||
    /^[\w.*-]+\.(?:ts|md|ya?ml|sh|c)$/.test(span)
  )
}

function exists(path: string, named: string): boolean {
  if (path === 'ARCHITECTURE.md' && planned.includes(named)) return true
  if (named.includes('*')) {
    const pattern = new RegExp(`^${named.replace(/^\.\//, '').replace(/[.]/g, '\\.').replace(/\*+/g, '.*')}$`)
    return paths.some((each) => pattern.test(each))
  }
  return isThere(path, named) || (!named.includes('/') && names.has(named))
}

/** Sentences of more words than a reader takes in at once. */
function longSentences(path: string, text: string): readonly string[] {
  const prose = text
    .replace(/^```[\s\S]*?^```/gm, '\n\n')
    .replace(/^(?:\||#).*$/gm, '\n')
    .replace(/`[^`\n]*`/g, 'code')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
  const blocks = prose.split(/\n\s*\n|\n(?=\s*(?:-|\d+\.) )/)
  return blocks
    .flatMap((block) => block.replace(/\s+/g, ' ').split(/(?<=[.!?][)*"”]*) (?=\S)/))
    .filter((sentence) => wordsIn(sentence) > wordsOfSentence)
    .map((sentence) => `${path}: ${wordsIn(sentence)} words: ${sentence.trim()}`)
}

/** Faults of the comments of a source: no header, a long sentence, or a beginning that names nothing. */
function commentFaults(path: string, source: string): readonly string[] {
  const header = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(source)?.[1]
  if (header === undefined) return [`${path} has no header; expected \`/** Noun … */\` in its first line`]
  const long = [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].flatMap(([, comment]) =>
    longSentences(path, comment!.replace(/^ *\* ?/gm, '').replace(/(?=@(?:param|throws|returns))/g, '\n\n')),
  )
  const begin = new RegExp(`(?<=^|[ \\t])(?:/\\*\\*\\s*(?:\\* )?|// )(?:${nameless.join('|')})\\b.*`, 'gm')
  return [...long, ...[...source.matchAll(begin)].map(([comment]) => `${path} has a comment that names nothing: ${comment}`)]
}

function wordsIn(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}

test('every page that a file cites is in the repository', (t) => {
  t.true(texts.length > 500)
  t.deepEqual(
    texts.flatMap((path) => strayPages(path, textOf(path))),
    [],
  )
})

test('every section of SPEC that a file cites is in it', (t) => {
  const sections = sectionsOf(textOf('SPEC.md'))
  t.true(sections.size > 40)
  t.deepEqual(
    texts.flatMap((path) => straySections(path, textOf(path), sections)),
    [],
  )
})

test('every link, file and folder that a page names exists', (t) => {
  t.deepEqual(
    texts.filter((path) => path.endsWith('.md')).flatMap((path) => strayPaths(path, textOf(path))),
    [],
  )
})

test('what ARCHITECTURE still plans is not there yet', (t) => {
  t.deepEqual(
    planned.filter((path) => isThere('ARCHITECTURE.md', path) || names.has(path)),
    [],
    'it is there now: take it off the list of planned paths',
  )
})

test('pages have sentences that are read at once', (t) => {
  t.deepEqual(
    plainPages.filter((path) => known.has(path)).flatMap((path) => longSentences(path, textOf(path))),
    [],
  )
})

test('every source has a header, and its comments are short and begin with a noun or a verb', (t) => {
  // generated types have comments made of the descriptions in their schemas
  const sources = texts.filter((path) =>
    /^(?:signalling|elements(?!\/schemas)|dialplans|test\/support)\/.*(?<!\/settings-type)\.ts$/.test(path),
  )
  t.true(sources.length > 300)
  t.deepEqual(
    sources.flatMap((path) => commentFaults(path, textOf(path))),
    [],
  )
})

/** Descriptions of a schema, title apart, that name nothing. */
function descriptionFaults(path: string, text: string): readonly string[] {
  const begin = new RegExp(`"description": "(?:${nameless.join('|')})\\b[^"]*`, 'g')
  return [...text.matchAll(begin)].map(([found]) => `${path} has a description that names nothing: ${found}`)
}

test('descriptions of bodies and settings begin with a noun or a verb', (t) => {
  const schemas = texts.filter((path) => /^(?:elements|dialplans)\/.*\.json$/.test(path) && !path.includes('flows/'))
  t.true(schemas.length > 40)
  t.deepEqual(
    schemas.flatMap((path) => descriptionFaults(path, textOf(path))),
    [],
  )
})

test('README is read in five minutes', (t) => {
  const words = wordsIn(textOf('README.md').replace(/^```[\s\S]*?^```/gm, ''))
  t.true(
    words <= wordsOfReadme,
    `${words} words; expected at most ${wordsOfReadme}: move what few need to the page of its folder`,
  )
})

test('what stands in a Warning is short, and plain text', (t) => {
  const sources = texts.filter((path) => /^(?:elements|signalling)\/.*\.ts$/.test(path))
  const warnings = sources.flatMap((path) =>
    [...textOf(path).matchAll(/\b(?:warning|text|cause): (?:'((?:\\.|[^'\\\n])*)'|`([^`\n]*)`)/g)].map(
      ([, plain, filled]) => `${path}: ${plain ?? filled}`,
    ),
  )
  t.true(warnings.length > 60)
  const isBad = (warning: string): boolean =>
    warning.length > warning.indexOf(': ') + 2 + lettersOfWarning || /\p{Cc}/u.test(warning)
  t.deepEqual(warnings.filter(isBad), [])
})

/** First cells of all tables of a page, or of one section of it, without their backticks. */
function firstCells(text: string, section?: string): readonly string[] {
  const at = section === undefined ? 0 : text.indexOf(`### §${section} `)
  const part = section === undefined ? text : text.slice(at, text.indexOf('\n### ', at + 1))
  return [...part.matchAll(/^\|([^|]*)\|/gm)].map(([, cell]) => cell!.replaceAll('`', '').trim())
}

/** Flows of the table of SPEC §9.2, as `<service>/<figure>`; `fig-01 … fig-03` are three. */
function flowsOf(spec: string): readonly string[] {
  const part = spec.slice(spec.indexOf('### §9.2 '))
  return [...part.matchAll(/^\|([^|]*)\|([^|]*)\|/gm)].flatMap(([, service, flows]) =>
    flows!.split(/[,;]/).flatMap((text) => {
      const [first = '', last = first] = text
        .replace(/\(.*\)/, '')
        .trim()
        .split(' … ')
      const [from, to] = [first, last].map((figure) => Number(/^fig-(\d+)$/.exec(figure)?.[1]))
      const figures =
        from! >= 0 ? Array.from({ length: to! - from! + 1 }, (_, i) => `fig-${String(from! + i).padStart(2, '0')}`) : [first]
      return figures.map((figure) => `${service!.trim()}/${figure}`)
    }),
  )
}

test('the table of SPEC §2.2 names every role', (t) => {
  const named = firstCells(textOf('SPEC.md'), '2.2')
  t.deepEqual(
    roles.map(({ role }) => role).filter((role) => !named.includes(role)),
    [],
    'missing there',
  )
})

test('the table of SPEC §9.2 names every flow', async (t) => {
  const named = flowsOf(textOf('SPEC.md'))
  t.deepEqual(
    (await loadFlows()).map(({ id }) => id).filter((id) => !named.includes(id)),
    [],
    'missing there',
  )
})

test('the table of dialplans names every one', (t) => {
  const named = firstCells(textOf('dialplans/README.md'))
  const shipped = paths.filter((path) => /^dialplans\/[^/]+\.yaml$/.test(path)).map((path) => basename(path))
  t.true(shipped.length > 5)
  t.deepEqual(
    shipped.filter((file) => !named.includes(file)),
    [],
    'missing there',
  )
})

/** Beginnings of store keys that a source of an element makes out of its name: `mme/<element>/context/`. */
function storeKeys(source: string): readonly string[] {
  return [...source.matchAll(/`([a-z-]+)\/\$\{[^}]*(?:[nN]ame|proxy)\)?\}([^`$]*)/g)].map(
    ([, kind, rest]) => `${kind}/<element>${rest}`,
  )
}

test('the table of store keys names every one of elements', (t) => {
  const named = firstCells(textOf('elements/README.md')).flatMap((cell) => cell.split(', '))
  const made = texts.filter((path) => /^elements\/.*\.ts$/.test(path)).flatMap((path) => storeKeys(textOf(path)))
  t.true(made.length > 15)
  t.deepEqual(
    made.filter((key) => !named.some((cell) => cell.startsWith(key))),
    [],
    'missing there',
  )
  t.deepEqual(storeKeys('a(`x/<host.name}/key`, `charges/<keyPart(host.name)}/`, `<this.name}/no`)'.replaceAll('<', '$' + '{')), [
    'x/<element>/key',
    'charges/<element>/',
  ])
})

test('each flow that a page or Dockerfile plays is one', async (t) => {
  const flows = await loadFlows()
  const pages = [...paths.filter((path) => path.endsWith('.md') && path !== 'CHANGELOG.md'), 'docker/Dockerfile']
  const played = pages.flatMap((path) => [...textOf(path).matchAll(/\bplay ([a-z]+\/[\w-]+|fig-\d+)/g)].map(([, name]) => name!))
  t.true(played.length > 4)
  for (const name of played) t.is(flowsNamed(flows, name).length, 1, name)
})

test('tables are read: cells of one section, and ranges of figures', (t) => {
  const page = '### §1.1 A\n| a |\n| `b` | c |\n### §1.2 B\n| d |\n'
  t.deepEqual(firstCells(page, '1.1'), ['a', 'b'])
  t.deepEqual(firstCells(page), ['a', 'b', 'd'])
  t.deepEqual(flowsOf('### §9.2 Flows\n| x | fig-08 … fig-10, fig-02 (a), b; c |\n'), [
    'x/fig-08',
    'x/fig-09',
    'x/fig-10',
    'x/fig-02',
    'x/b',
    'x/c',
  ])
})

const sections = new Set(['2', '2.1', '3.4'])
const trials: readonly (readonly [what: string, faults: readonly string[], expected: number])[] = [
  ['a page of another place', strayPages('elements/a.ts', '/** As NOWHERE.md has it. */'), 1],
  ['a page of another folder', strayPages('a.md', 'see ../shared/design/NOWHERE.md'), 2],
  ['a page with a folder', strayPages('elements/a.ts', '// signalling/storage/NOWHERE.md'), 1],
  ['a page that is there', strayPages('elements/a.ts', '// SPEC.md, and signalling/storage/README.md'), 0],
  ['a page beside', strayPages('signalling/storage/lmdb/index.ts', '// README.md beside'), 0],
  ['a section', straySections('a.ts', '(SPEC §2.1, §3.9–§3.4; RFC 3261 §17)', sections), 1],
  ['sections that are there', straySections('a.ts', 'SPEC §2.1 and §3.4. RFC 6665 §4', sections), 0],
  ['a section in SPEC', straySections('SPEC.md', 'as RFC 6665 §4.4.3 has it (§2.9)', sections), 1],
  ['a link', strayPaths('README.md', '[x](nowhere.md) [y](SPEC.md#a) [z](https://a.example/b)'), 1],
  ['a path', strayPaths('README.md', '`signalling/nowhere.ts`, `signalling/node/index.ts`, `nowhere.yaml`'), 2],
  ['a path in a command', strayPaths('README.md', '```\nnpx x test/nowhere.ts\n```'), 1],
  ['a pattern', strayPaths('README.md', '`dialplans/*.yaml` `dialplans/*.nowhere`'), 1],
  ['a sentence', longSentences('a.md', `${'word '.repeat(26)}. Short one.`), 1],
  ['no header', commentFaults('a.ts', "import { a } from 'b'\n"), 1],
  ['a header that names nothing', commentFaults('a.ts', '/** Who is near whom. */\n'), 1],
  ['a header of several lines that names nothing', commentFaults('a.ts', '/**\n * Where it is.\n */\n'), 1],
  ['a header of one long sentence', commentFaults('a.ts', `/**\n * ${'Word '.repeat(13)}\n * ${'word '.repeat(13)}\n */\n`), 1],
  ['comments that name nothing', commentFaults('a.ts', '/** A. */\nx = 1 // what it is\n  // What it is\n  /** How. */\n'), 2],
  ['comments that begin well', commentFaults('a.ts', "#!x\n/** A list. What it holds is bounded. */\nf('Who') // Whole\n"), 0],
  ['a description that names nothing', descriptionFaults('a.json', '{ "description": "What it is", "x": "What" }'), 1],
  ['a description that begins well', descriptionFaults('a.json', '{ "description": "Whatsoever, or a list" }'), 0],
  ['two sentences', longSentences('a.md', `${'word '.repeat(20)}end. ${'Word '.repeat(20)}`), 0],
]

for (const [what, faults, expected] of trials) {
  test(`found: ${what}`, (t) => {
    t.is(faults.length, expected, faults.join('\n'))
  })
}
