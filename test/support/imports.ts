/** Imports of a source, and what it passes on from others. */

export interface Import {
  readonly from: string
  readonly names: string
  readonly typeOnly: boolean
}

export function importsOf(code: string): readonly Import[] {
  const imports: Import[] = []
  for (const [, names = '', from] of code.matchAll(/^\s*(?:import|export)\b([^'"`;]*?)\bfrom\s*['"]([^'"]+)['"]/gm)) {
    imports.push({ from: from!, names, typeOnly: isTypeOnly(names) })
  }
  for (const [, from] of code.matchAll(/\bimport\s*\(?\s*['"]([^'"]+)['"]/g))
    imports.push({ from: from!, names: '', typeOnly: false })
  return imports
}

function isTypeOnly(names: string): boolean {
  if (/^\s*type\b/.test(names)) return true
  const list = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1]
  return list?.split(',').every((name) => name.trim() === '' || /^\s*type\s/.test(name)) === true
}
