/** Descriptions of Push by HTTP (SPEC §5.9). */
import {
  describedAnswer,
  describedProblem,
  headerParameter,
  type OpenApiSchema,
  objectOf,
  schemaRef,
} from '../shared/http/description.ts'

const refused = {
  401: describedProblem('no token of an application, or a wrong one'),
  403: describedProblem('from another machine, a page of another site, or not allowed'),
}
const unknown = describedProblem('the application has sent no message of that name, or long ago')

export const pushSending: OpenApiSchema = {
  summary: 'Sends a Push to a user: the body as it is, of any media type; text where none is named',
  parameters: [
    headerParameter('Title', 'Subject, and first line of a text.'),
    headerParameter('Priority', '1 to 5, or min, low, default, high, max.'),
    headerParameter('Tags', 'Separated by commas: last line of a text.'),
    headerParameter('TTL', 'Seconds for which it may wait; 0: now or never.'),
    headerParameter('Urgency', 'very-low, low, normal or high.'),
    headerParameter('Topic', 'Replaces what waits of the same topic.'),
  ],
  requestBody: { required: false, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
  responses: {
    201: {
      ...describedAnswer('delivered or stored', schemaRef('PushMessageState')),
      headers: { Location: { schema: { type: 'string' } } },
    },
    400: describedProblem('a header is not as expected'),
    ...refused,
    404: describedProblem('nobody is called so'),
    409: describedProblem('several are called so'),
    413: describedProblem('the body is too long'),
    415: describedProblem('a media type that the application may not send'),
    429: describedProblem('over a rate of the application; Retry-After says how long'),
    502: describedProblem('the network refuses it for another cause'),
    503: describedProblem('nobody is there and it may not wait, or the server is full'),
  },
}

export const pushReading: OpenApiSchema = {
  summary: 'What has become of a message',
  responses: { 200: describedAnswer('its state', schemaRef('PushMessageState')), ...refused, 404: unknown },
}

export const pushWithdrawing: OpenApiSchema = {
  summary: 'Withdraws a message that waits',
  responses: {
    204: describedAnswer('withdrawn'),
    ...refused,
    404: unknown,
    409: describedProblem('it does not wait, or not here'),
  },
}

export const pushStateSchema: OpenApiSchema = objectOf({
  id: { type: 'string' },
  state: { enum: ['stored', 'delivered', 'expired', 'replaced', 'failed', 'withdrawn'] },
})
