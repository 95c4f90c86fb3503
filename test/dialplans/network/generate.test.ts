/** Pages that are made from the roles: the schema of dialplans, and the table of elements. */
import test from 'ava'
import { currentPage, generatePages } from '../../../dialplans/network/generate.ts'
import { printJson } from '../../../dialplans/network/print-json.ts'
import { roles } from '../../../elements/catalogue.ts'

test('the schema of dialplans and the table of elements are those that the roles give', (t) => {
  const pages = generatePages()
  t.is(pages.length, 2)
  for (const { file, text } of pages) t.is(currentPage(file), text, `dialplans/${file}: run npm run types`)
})

test('the schema has every role and every setting of it', (t) => {
  const { definitions } = JSON.parse(currentPage('dialplan.schema.json')) as {
    readonly definitions: { readonly [name: string]: { readonly properties?: object; readonly required?: readonly string[] } }
  }
  for (const { role, schema } of roles) {
    t.deepEqual(Object.keys(definitions[role]?.properties ?? {}), ['role', ...Object.keys(schema.properties)], role)
    t.deepEqual(definitions[role]?.required, ['role', ...(schema.required ?? [])], role)
  }
})

test('the schema refers to nothing outside itself', (t) => {
  const text = currentPage('dialplan.schema.json')
  const { definitions, properties } = JSON.parse(text) as { readonly definitions: object; readonly properties: object }
  const names = [definitions, properties].flatMap((part, i) =>
    Object.keys(part).map((name) => `#/${['definitions', 'properties'][i]}/${name}`),
  )
  const references = [...text.matchAll(/"\$ref": "([^"]*)"/g)].map(([, to]) => to!)
  t.true(references.length > 50)
  t.deepEqual(
    references.filter((to) => !names.includes(to)),
    [],
  )
})

test('JSON is printed in lines of at most 130 columns, and reads as what it was', (t) => {
  const value = { a: [], b: {}, text: 'x'.repeat(60), deep: [{ one: 'y'.repeat(50), two: [1, null, true] }, 'z'] }
  t.deepEqual(JSON.parse(printJson(value)), value)
  t.is(printJson({ a: [1, 2], b: {} }), '{ "a": [1, 2], "b": {} }\n')
  t.is(printJson(value).split('\n').length, 7)
})

test('what a role says of settings is about settings that it has', (t) => {
  for (const { role, schema, servers = [], files = {} } of roles) {
    const settings = Object.keys(schema.properties)
    for (const server of servers) {
      t.true(settings.includes(server), `${role}: ${server}`)
      t.true(
        roles.some((other) => other.role === server),
        `${role}: ${server}`,
      )
    }
    for (const name of Object.entries(files).flat()) t.true(settings.includes(name), `${role}: ${name}`)
  }
  t.is(roles.filter(({ edge }) => edge === true).length, 1)
})
