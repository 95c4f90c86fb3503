/**
 * Password of a lab: of all subscribers of a dialplan who have no secret of their own. It comes by the environment, or stands in
 * a file of the data folder, which the first start makes for its owner's eyes alone.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { roleOf } from '../../elements/catalogue.ts'
import { randomIds } from '../../signalling/index.ts'
import type { Dialplan, LabPassword, PlannedElement } from '../network/dialplan.ts'
import { CommandRefusal } from '../network/refusal.ts'
import { unreadable } from '../network/text.ts'
import { makeFolder } from './data-folder.ts'

const labPasswordVariable = 'PROXIMA_LAB_PASSWORD'
const fileName = 'lab-password'
const shortest = 12
const otherwise = `or give one by ${labPasswordVariable}`

/** The dialplan in which nobody's password is left open. Throws a `CommandRefusal` where there is none to be had. */
export function withLabPassword(dialplan: Dialplan, environment: NodeJS.ProcessEnv): Dialplan {
  const { data, node } = dialplan
  let lab: LabPassword | undefined
  const password = (): string => (lab ??= labPassword(data, environment)).password
  const given = (element: PlannedElement): PlannedElement => {
    const { name, role, settings } = element
    if (node !== undefined && !node.elements.includes(name)) return element
    const whole = roleOf(role)?.withLabPassword?.(settings, password)
    return whole === undefined ? element : { ...element, settings: { ...whole } }
  }
  const elements = dialplan.elements.map(given)
  return lab === undefined ? dialplan : { ...dialplan, elements, lab }
}

/** The password that a node with that data folder has, made where there is none. */
function labPassword(data: string, environment: NodeJS.ProcessEnv): LabPassword {
  const given = givenPassword(environment)
  if (given !== undefined) return { password: given, source: labPasswordVariable, isNew: false }
  if (data === 'memory')
    throw new CommandRefusal(`labPassword: there is no data folder to keep a password in; give one with --data, ${otherwise}`)
  const source = join(data, fileName)
  return makePassword(data, source) ?? { password: readPassword(source), source, isNew: false }
}

/** The password of the environment, or of that data folder; undefined: there is no word of one. */
export function knownLabPassword(data: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  return givenPassword(environment) ?? (data === undefined ? undefined : readPassword(join(data, fileName)))
}

function givenPassword(environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment[labPasswordVariable]
  if (given === undefined || given === '') return undefined
  const fault = faultOf(given)
  if (fault !== undefined) throw new CommandRefusal(`${labPasswordVariable} ${fault}`)
  return given
}

/** Undefined: there is one already. */
function makePassword(folder: string, file: string): LabPassword | undefined {
  const password = newPassword()
  try {
    makeFolder(folder)
    writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return undefined
    if (code === 'ENOSPC') rmSync(file, { force: true }) // an empty one would stay
    throw new CommandRefusal(`${file} cannot be written (${code}); make room and let this user write there, ${otherwise}`, error)
  }
  return { password, source: file, isNew: true }
}

/** Small letters and digits, without those that look alike: 98 bits that are read out and typed easily. */
function newPassword(): string {
  const characters = randomIds()
    .token(200)
    .toLowerCase()
    .replaceAll(/[^a-hjkmnp-z2-9]/g, '')
    .slice(0, 20)
  return characters.replaceAll(/.{5}(?=.)/g, '$&-')
}

function readPassword(file: string): string {
  let password: string
  let mode: number
  try {
    password = readFileSync(file, 'utf8').trim()
    mode = statSync(file).mode & 0o777
  } catch (error) {
    const hint = 'a start with labPassword makes it; read it as the user that runs the node'
    throw new CommandRefusal(`${file}: ${unreadable(error)}; ${hint}, ${otherwise}`, error)
  }
  if ((mode & 0o077) !== 0)
    throw new CommandRefusal(`${file}: other users may read it (mode ${mode.toString(8)}); chmod 600 ${file}, ${otherwise}`)
  const fault = faultOf(password)
  if (fault !== undefined) throw new CommandRefusal(`${file} ${fault}; remove it, and a start makes one`)
  return password
}

/** Why that is no password for a network that others may reach; undefined: it is one. */
function faultOf(password: string): string | undefined {
  if (/[^\x21-\x7e]/.test(password)) return 'has more than one line or other than ASCII; expected one word'
  if (password.length < shortest) return `has ${password.length} characters; expected ${shortest} or more`
  return password.endsWith('-proxima') ? 'is a demo password; expected one that is not in the README' : undefined
}
