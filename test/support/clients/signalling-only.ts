/** Sessions without media for stacks of browsers, so that they can call phones that know no WebRTC. Runs in Node and in a browser. */

/** A stream that nobody sends: any phone can take it. */
export const offer = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 9 RTP/AVP 0',
  'a=inactive',
  '',
].join('\r\n')

interface Description {
  readonly type: string
  readonly sdp: string
}

/** As much of a browser's RTCPeerConnection as JsSIP asks of one. */
export class SilentConnection {
  readonly iceConnectionState = 'connected'
  readonly iceGatheringState = 'complete'
  signalingState = 'stable'
  localDescription: Description | undefined
  remoteDescription: Description | undefined

  addEventListener(): void {}
  removeEventListener(): void {}
  async createOffer(): Promise<Description> {
    return { type: 'offer', sdp: offer }
  }
  async createAnswer(): Promise<Description> {
    return { type: 'answer', sdp: offer }
  }
  async setLocalDescription(description: Description): Promise<void> {
    this.localDescription = description
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable'
  }
  async setRemoteDescription(description: Description): Promise<void> {
    this.remoteDescription = description
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable'
  }
  getSenders(): readonly never[] {
    return []
  }
  close(): void {
    this.signalingState = 'closed'
  }
}

class SilentDescription implements Description {
  readonly type: string
  readonly sdp: string
  constructor({ type, sdp }: Description) {
    this.type = type
    this.sdp = sdp
  }
}

/** Puts them where JsSIP looks, for a page or a process that is ours alone. */
export function silenceCalls(): void {
  const there = { RTCPeerConnection: SilentConnection, RTCSessionDescription: SilentDescription }
  Object.assign(globalThis, there)
  if (!('window' in globalThis)) Object.assign(globalThis, { window: there })
}

/** The part of a SessionDescriptionHandler that sip.js needs. */
export const silentSession = {
  close(): void {},
  getDescription: async () => ({ body: offer, contentType: 'application/sdp' }),
  hasDescription: (type: string): boolean => type === 'application/sdp',
  rollbackDescription: async (): Promise<void> => undefined,
  sendDtmf: (): boolean => false,
  setDescription: async (): Promise<void> => undefined,
}
