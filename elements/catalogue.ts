/** Role -> factory: the only place that knows all elements. */
import type { Element } from '../signalling/index.ts'

/** Makes an element of the name it has in the dialplan, with settings that its role's schema has admitted. */
export type ElementFactory = (name: string, settings: object) => Element

export const catalogue: { readonly [role: string]: ElementFactory } = {}
