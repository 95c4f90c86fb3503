/** Bodies of HTTP requests: bounded, UTF-8, of a known media type. */
import { isUtf8 } from 'node:buffer'
import { mediaTypeOf } from '../values/media-type.ts'
import { HttpProblem } from './page.ts'
import type { HttpRequest } from './route.ts'

const longest = 1_000_000 // bytes of one JSON document

/** Media type without parameters, in lower case; '' where none is named. */
export function typeOf({ headers }: Pick<HttpRequest, 'headers'>): string {
  return mediaTypeOf(headers['content-type'])
}

/** Whether a request brings a body. */
export function hasContent({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** The JSON of a request. Throws a 413, 415 or 400 problem. */
export async function readJson(request: Pick<HttpRequest, 'headers' | 'body'>, types: readonly string[]): Promise<unknown> {
  if (!types.includes(typeOf(request))) {
    throw new HttpProblem(415, `the body is to be ${types.join(' or ')}`, { headers: { Accept: types.join(', ') } })
  }
  refuseCoding(request)
  const bytes = await readBytes(request, longest)
  if (!isUtf8(bytes)) throw new HttpProblem(400, 'the body is not UTF-8')
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch (fault) {
    throw new HttpProblem(400, `the body is not JSON: ${fault instanceof Error ? fault.message : 'malformed'}`)
  }
}

/** The bytes of a request. Throws a 413 problem. */
export async function readBytes({ body, headers }: Pick<HttpRequest, 'headers' | 'body'>, most: number): Promise<Buffer> {
  if (Number(headers['content-length'] ?? 0) > most) throw tooLarge(most)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > most) throw tooLarge(most)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Nothing here unpacks anything: a small body stays small. */
export function refuseCoding({ headers }: Pick<HttpRequest, 'headers'>): void {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw new HttpProblem(415, `Content-Encoding ${coding} is not supported`)
}

function tooLarge(most: number): HttpProblem {
  return new HttpProblem(413, `the body is longer than ${most} bytes`)
}
