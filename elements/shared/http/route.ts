/** Route of the HTTP interface, below `/v1` or open: a resource with its operations, as an element serves and describes it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Log } from '../../../signalling/index.ts'
import type { OpenApiSchema } from './description.ts'
import type { HttpPage } from './page.ts'

/** A request whose sender has the node's token, where the route is not open. */
export interface HttpRequest {
  /** Values of the parameters in the path, decoded. */
  readonly parameters: { readonly [name: string]: string }
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Bytes of the body, which can be read once. */
  readonly body: AsyncIterable<Buffer>
  /** Sender, as the log has it. */
  readonly who: string
  /** It comes from this machine. */
  readonly isLocal: boolean
  readonly log: Log
  /** Seals a text: the same for the same text, and nobody without the token can tell which. */
  seal(text: string): string
}

export interface HttpOperation {
  /** Operation object of OpenAPI 3.1. */
  readonly description: OpenApiSchema
  /** Rejects with an `HttpProblem`. */
  serve(request: HttpRequest): HttpPage | Promise<HttpPage>
}

export interface HttpRoute {
  /** Path below `/v1`, or of an open route below the root, its parameters in braces: `/subscribers/{id}`. */
  readonly path: string
  /** true: it admits by itself, without the node's token. Pages of other sites are refused before. */
  readonly isOpen?: boolean
  /** Descriptions of the parameters, by name. */
  readonly parameters?: { readonly [name: string]: string }
  readonly operations: { readonly [method in 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE']?: HttpOperation }
  /** Schemas that the descriptions refer to by `#/components/schemas/<name>`. */
  readonly schemas?: { readonly [name: string]: OpenApiSchema }
}
