/** Requests about alice that wait, and a core network that does as the test says. */
import { mediaType, writeBody } from '../../../elements/schemas/index.ts'
import type { LcsCancel, LcsRequest, PrivacyProfileRule } from '../../../elements/schemas/types.ts'
import type { Element, Exchange, Host } from '../../../signalling/index.ts'
import { CoreScene } from '../core-network/scene.ts'

export const alice = 'sip:alice@home.example'
export const bobs: PrivacyProfileRule = { id: 'bob', who: { one: ['sip:bob@home.example'] }, mode: 'allow', precision: 'exact' }

export async function changesProfile(scene: CoreScene, ...rules: readonly PrivacyProfileRule[]): Promise<number> {
  return (await scene.message('sip:ppr@home.example', 'privacy-profile', { rules }, alice)).status
}

export function radii(notified: readonly { readonly body: string }[]): readonly string[] {
  return notified.flatMap(({ body }) => /<gs:radius[^>]*>([\d.]+)</.exec(body)?.[1] ?? [])
}

/** A core network that takes requests, and does as the test says. */
class PlayedCore implements Element {
  readonly name = 'core'
  readonly claims = [{ method: 'MESSAGE', label: 'core' }]
  readonly requests: LcsRequest[] = []
  readonly cancels: LcsCancel[] = []
  /** Status of its answers. */
  status = 202
  /** Whether it says that it has cancelled. */
  confirms = true
  private host!: Host

  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    const { body, callId, contentType } = exchange.request
    exchange.reply(this.status)
    if (this.status >= 300) return
    const value: unknown = JSON.parse(String(body))
    const inReplyTo = [['In-Reply-To', callId]] as const
    if (contentType === mediaType('lcs-request')) this.requests.push(value as LcsRequest)
    else if (contentType === mediaType('lcs-audit')) this.say('lcs-audited', { unknown: [] }, inReplyTo)
    else {
      const cancel = value as LcsCancel
      this.cancels.push(cancel)
      if (this.confirms) this.say('lcs-cancelled', { cancelled: cancel.requests, unknown: [], waiting: [] }, inReplyTo)
    }
  }
  say(...[name, value, headers]: [...Parameters<typeof writeBody>, (readonly (readonly [string, string])[])?]): void {
    void this.host.send({
      method: 'MESSAGE',
      to: 'sip:x@gmlc.home.example',
      asserted: this.host.uri,
      body: writeBody(name, value),
      ...(headers === undefined ? {} : { headers }),
    })
  }
}

export async function withPlayedCore(): Promise<readonly [CoreScene, PlayedCore]> {
  const core = new PlayedCore()
  const scene = await CoreScene.open(undefined, core)
  scene.gmlc = { cores: ['core'] }
  await scene.restart()
  await changesProfile(scene, bobs)
  return [scene, core]
}
