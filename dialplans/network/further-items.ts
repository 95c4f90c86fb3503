/** Items of a list in settings that stand in a file of their own, such as the subscribers of a provisioning file. */
import { dirname, isAbsolute, join } from 'node:path'
import { roleOf } from '../../elements/catalogue.ts'
import type { SettingsPath } from '../../elements/role.ts'
import type { DialplanFault, ElementSettings } from './dialplan.ts'
import { readText } from './text.ts'
import { type LineOf, validateText } from './validate.ts'

/** File and line of a value in settings. */
export type PlaceOf = (path: SettingsPath) => Pick<DialplanFault, 'file' | 'line'>

interface SettingsReading {
  /** Path of the dialplan. */
  readonly file: string
  /** Name of the element. */
  readonly name: string
  readonly role: string
  readonly settings: ElementSettings
  readonly lineOf: LineOf
}

interface WholeSettings {
  readonly settings: ElementSettings
  readonly placeOf: PlaceOf
}

/** Settings in which each name of a file is replaced by the items of that file. Faults are added to the list. */
export function withFurtherItems(reading: SettingsReading, faults: DialplanFault[]): WholeSettings {
  const { file, name, role } = reading
  let { settings } = reading
  let placeOf: PlaceOf = (path) => ({ file, line: reading.lineOf('elements', name, ...path) })
  for (const [setting, list] of Object.entries(roleOf(role)?.files ?? {})) {
    const { [setting]: given, ...others } = settings
    if (typeof given !== 'string') continue
    const path = isAbsolute(given) ? given : join(dirname(file), given)
    const text = readText(path, `a file with a list of ${list}`)
    const read = text.faults === undefined ? validateText(path, text.value, `${role}.${list}`) : text
    settings = others
    if (read.faults !== undefined) {
      faults.push(...read.faults)
      continue
    }
    const ownItems = (settings[list] as readonly unknown[] | undefined) ?? []
    settings = { ...settings, [list]: [...ownItems, ...(read.value.data as readonly unknown[])] }
    const { lineOf } = read.value
    const before = placeOf
    placeOf = (at) => {
      const [first, index, ...rest] = at
      const isFurther = first === list && typeof index === 'number' && index >= ownItems.length
      return isFurther ? { file: path, line: lineOf(index - ownItems.length, ...rest) } : before(at)
    }
  }
  return { settings, placeOf }
}
