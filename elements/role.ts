/** Role of a network element: all that a network has to know about it. */
import type { Element } from '../signalling/index.ts'

/** JSON Schema (draft 7) of a role's settings, without `role` itself. Its title and description name the element for people. */
export interface SettingsSchema {
  readonly title: string
  /** Plain text for the table of elements in `dialplans/README.md` and for editors. */
  readonly description: string
  readonly properties: { readonly [setting: string]: object }
  readonly required?: readonly string[]
  /** Parts of it; they may also be referred to from the schema of dialplans. */
  readonly definitions?: { readonly [name: string]: object }
}

/** One role that an element may have. The settings are those that its schema admits, completed by what `learns` adds. */
export interface Role<Settings extends object = object> {
  /** Name of the role in a dialplan. */
  readonly role: string
  readonly schema: SettingsSchema
  /** Makes an element of the name that it has in the dialplan. Throws a `SettingsError` where the settings contradict each other. */
  create(name: string, settings: Settings): Element
}
