/** `proxima hss`: subscribers of a running node. */
import { accessSync, constants, statSync } from 'node:fs'
import { extname } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { stringify } from 'yaml'
import type { RowFormat } from '../../../elements/hss/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import { subscriberKey } from '../../../elements/shared/identifiers/devices.ts'
import { RealClock } from '../../../signalling/index.ts'
import { unreadable } from '../../network/text.ts'
import { complain, say } from '../support/output.ts'
import { passwordFromInput, passwordFromTerminal } from '../support/password.ts'
import { reaching } from '../support/reaching.ts'
import { CommandRefusal } from '../support/refusal.ts'
import type { HttpAnswer, SubscriberPage } from './client.ts'
import { importFile } from './importing.ts'
import { Progress } from './progress.ts'
import { type NodeReach, reach } from './reach.ts'

interface MemberOptions {
  readonly alias?: readonly string[]
  readonly friend?: readonly string[]
  readonly server?: readonly string[]
  readonly removeAlias?: readonly string[]
  readonly removeFriend?: readonly string[]
  readonly removeServer?: readonly string[]
  readonly discoverable?: boolean
  readonly discoverer?: boolean
  /** As asked for on the command line; false: none. */
  readonly password?: boolean
  readonly passwordStdin?: boolean
  readonly removePassword?: boolean
}

type ListOptions = NodeReach & { readonly json?: boolean }
type ServerRoles = NonNullable<SubscriberSettings['servers']>[number]

const formats: { readonly [ending: string]: RowFormat } = { '.csv': 'csv', '.jsonl': 'jsonl', '.ndjson': 'jsonl' }
const faultLimit = 1000 // faults of an import that are told, each by its line

const examples = `
Examples:
  $ proxima hss list                                    # of the node that proxima start runs here
  $ proxima hss add zoe --alias tel:+4930123 --friend alice
  $ proxima hss permit zoe discoverable=no
  $ proxima hss import people.csv --dialplan mine.yaml
A CSV file has the columns id, discoverable, discoverer and, as wanted, password, md5, sha256, aliases, friends, servers
(lists by spaces, servers as application=uri); JSON lines are subscribers as \`show --json\` prints them.`

export function hssCommand(): Command {
  const command = new Command('hss')
    .description('subscribers of a running node: list, add, change, import')
    .addHelpText('after', examples)
  command.addCommand(
    reaching('HSS', 'list', 'list subscribers')
      .argument('[prefix]', 'how their identifiers start, e.g. al or sip:al')
      .option('--json', 'one JSON object a line')
      .action(list),
  )
  command.addCommand(
    reaching('HSS', 'show', 'show one').argument('<id>', 'identifier or alias').option('--json', 'as JSON').action(show),
  )
  command.addCommand(
    members(reaching('HSS', 'add', 'add one; asks for the password on a terminal'))
      .argument('<id>', 'identifier, e.g. zoe or sip:zoe@localhost')
      .option('--no-discoverable', 'may not be discovered')
      .option('--no-discoverer', 'may not discover')
      .option('--no-password', 'without a password: cannot sign in')
      .action(add),
  )
  command.addCommand(
    members(reaching('HSS', 'set', 'change one'))
      .argument('<id>', 'identifier or alias')
      .option('--remove-alias <id>', 'take this alias away; may be repeated', collect)
      .option('--remove-friend <id>', 'take this friend away; may be repeated', collect)
      .option('--remove-server <application=uri>', 'take this application server away; may be repeated', collectServer)
      .option('--password', 'ask for a new password')
      .option('--remove-password', 'without a password: cannot sign in')
      .action(set),
  )
  command.addCommand(
    reaching('HSS', 'permit', 'change what one may do; takes effect at once')
      .argument('<id>', 'identifier or alias')
      .argument('<permission=yes|no...>', 'discoverable=no, discoverer=yes', collectPermission)
      .action(permit),
  )
  command.addCommand(reaching('HSS', 'remove', 'remove one').argument('<id>', 'identifier or alias').action(remove))
  command.addCommand(
    reaching('HSS', 'import', 'add or replace many; lines with a fault are told and passed over')
      .argument('<file>', '.csv, .jsonl or .ndjson')
      .action(importAll),
  )
  return command
}

function members(command: Command): Command {
  return command
    .option('--alias <id>', 'another identifier of the same device; may be repeated', collect)
    .option('--friend <id>', 'a friend; may be repeated', collect)
    .option('--server <application=uri>', 'an application server that may act for it; may be repeated', collectServer)
    .option('--password-stdin', 'read the password from standard input')
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
function collectServer(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[^=]+=.+$/s.test(text))
    throw new InvalidArgumentError('Expected application=uri, such as org.example.nearby=sip:as@localhost.')
  return [...before, text]
}
function collectPermission(
  text: string,
  before: { readonly [name: string]: boolean } = {},
): { readonly [name: string]: boolean } {
  const [, name, value] = /^(discoverable|discoverer)=(yes|no|true|false)$/.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('Expected discoverable=yes|no or discoverer=yes|no.')
  return { ...before, [name]: value === 'yes' || value === 'true' }
}
function grantOf(text: string): ServerRoles {
  const at = text.indexOf('=')
  return { application: text.slice(0, at), uri: text.slice(at + 1) }
}

function pathOf(id: string): string {
  // a URL takes these for folders
  if (['', '.', '..'].includes(id)) throw new CommandRefusal(`'${id}' is no identifier; expected one such as sip:alice@localhost`)
  return `/v1/subscribers/${encodeURIComponent(id)}`
}

async function list(prefix: string | undefined, { json, ...where }: ListOptions): Promise<void> {
  const client = reach(where)
  let path: string | undefined =
    `/v1/subscribers?${new URLSearchParams({ limit: '1000', ...(prefix === undefined ? {} : { prefix }) })}`
  while (path !== undefined) {
    const page: HttpAnswer<SubscriberPage> = await client.ask<SubscriberPage>('GET', path)
    for (const each of page.value.subscribers) say(json === true ? JSON.stringify(each) : lineOf(each))
    path = page.value.next
  }
}

function lineOf({ id, aliases = [], permissions: { discoverable, discoverer } }: SubscriberSettings): string {
  const may = [discoverable ? 'discoverable' : '', discoverer ? 'discoverer' : ''].filter((name) => name !== '').join(' ')
  return `${id.padEnd(40)} ${(may || '-').padEnd(23)} ${aliases.join(' ')}`.trimEnd()
}

async function show(id: string, { json, ...where }: ListOptions): Promise<void> {
  const { value } = await reach(where).ask<SubscriberSettings>('GET', pathOf(id))
  say(json === true ? JSON.stringify(value) : stringify(value).trimEnd())
}

async function add(id: string, options: NodeReach & MemberOptions): Promise<void> {
  const client = reach(options)
  const asked = options.password !== false && process.stdin.isTTY && options.passwordStdin !== true
  const password = options.passwordStdin === true ? await passwordFromInput() : asked ? await passwordFromTerminal(id) : undefined
  const { discoverable = true, discoverer = true, alias = [], friend = [], server = [] } = options
  const servers = server.map(grantOf)
  const body = { id, permissions: { discoverable, discoverer }, aliases: alias, friends: friend, servers, password }
  const { value } = await client.ask<SubscriberSettings>('PUT', pathOf(id), { body, ifNone: true })
  say(`added ${value.id}${password === undefined ? '; it has no password, so it cannot sign in' : ''}`)
}

/** The canonical form of an identifier in the network of another one. */
function keyBeside(text: string, id: string): string {
  const domain = id.slice(id.lastIndexOf('@') + 1)
  return subscriberKey(text, id.includes('@') ? [domain] : []) ?? text
}

async function set(id: string, options: NodeReach & MemberOptions): Promise<void> {
  const client = reach(options)
  const { value, tag } = await client.ask<SubscriberSettings>('GET', pathOf(id))
  const patch: { [member: string]: unknown } = {}
  const { alias, friend, server, removeAlias, removeFriend, removeServer, passwordStdin, password, removePassword } = options
  if (alias ?? removeAlias) patch['aliases'] = changed(value, 'alias', value.aliases, alias, removeAlias)
  if (friend ?? removeFriend) patch['friends'] = changed(value, 'friend', value.friends, friend, removeFriend)
  if (server ?? removeServer) {
    const texts = (value.servers ?? []).map(({ application, uri }) => `${application}=${uri}`)
    patch['servers'] = changed(value, 'application server', texts, server, removeServer).map(grantOf)
  }
  if (removePassword === true) patch['credentials'] = null
  else if (passwordStdin === true) patch['password'] = await passwordFromInput()
  else if (password === true) patch['password'] = (await passwordFromTerminal(id)) ?? null
  if (Object.keys(patch).length === 0) throw new CommandRefusal('nothing to change; see proxima hss set --help')
  await client.ask('PATCH', pathOf(id), {
    body: patch,
    type: 'application/merge-patch+json',
    ...(tag === undefined ? {} : { ifMatch: tag }),
  })
  say(`changed ${value.id}: ${Object.keys(patch).join(', ')}`)
}

/** A list with some added and some taken away, which have to be there. */
function changed(
  { id }: SubscriberSettings,
  what: string,
  list: readonly string[] = [],
  added: readonly string[] = [],
  removed: readonly string[] = [],
): readonly string[] {
  const gone = removed.map((text) => {
    const key = list.find((each) => each === text || each === keyBeside(text, id))
    if (key === undefined) throw new CommandRefusal(`${text} is no ${what} of ${id}`)
    return key
  })
  return [...new Set([...list.filter((each) => !gone.includes(each)), ...added])]
}

async function permit(id: string, permissions: { readonly [name: string]: boolean }, where: NodeReach): Promise<void> {
  const asked = { body: { permissions }, type: 'application/merge-patch+json' }
  const { value } = await reach(where).ask<SubscriberSettings>('PATCH', pathOf(id), asked)
  say(lineOf(value))
}

async function remove(id: string, where: NodeReach): Promise<void> {
  await reach(where).ask('DELETE', pathOf(id))
  say(`removed ${id}`)
}

async function importAll(file: string, where: NodeReach): Promise<void> {
  const format = formats[extname(file).toLowerCase()]
  if (format === undefined) throw new CommandRefusal(`${file} is neither .csv nor .jsonl; give it the ending of what it holds`)
  checkFile(file)
  const client = reach(where)
  const clock = new RealClock((fault) => complain(String(fault)))
  const [began, progress] = [clock.now(), new Progress(process.stderr, clock)]
  let faults = 0
  const { added, changed, unchanged, faulty } = await importFile(file, format, client, {
    progress: (share, { added, changed, unchanged }) => progress.show(share, added + changed + unchanged),
    fault: (text) => {
      progress.clear()
      if (++faults <= faultLimit) complain(text)
      else if (faults === faultLimit + 1) complain(`${file}: further faults are counted only`)
    },
  })
  progress.clear()
  const seconds = ((clock.now() - began) / 1000).toFixed(1)
  say(`${file}: ${added} added, ${changed} changed, ${unchanged} as they were, ${faulty} with faults; ${seconds} s`)
  if (faulty > 0) process.exitCode = 1
}

function checkFile(file: string): void {
  try {
    accessSync(file, constants.R_OK)
    if (statSync(file).isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
  } catch (error) {
    throw new CommandRefusal(`${file}: ${unreadable(error)}; give a file of subscribers`, error)
  }
}
