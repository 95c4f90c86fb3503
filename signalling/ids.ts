/** Branches, tags, Call-IDs and other unguessable names, cut from a pool of random bytes that is refilled as it empties. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'

export interface Ids {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string
  /** `length` characters of base64url, 6 random bits each. */
  token(length: number): string
  /** A number in [0, 1). */
  fraction(): number
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const poolSize = 8192

class Pool implements Ids {
  private readonly pool = Buffer.alloc(poolSize)
  private at = poolSize
  private readonly fill: (pool: Buffer) => void
  constructor(fill: (pool: Buffer) => void) {
    this.fill = fill
  }
  private take(bytes: number): number {
    if (this.at + bytes > poolSize) {
      this.fill(this.pool)
      this.at = 0
    }
    const start = this.at
    this.at += bytes
    return start
  }
  hex(bytes: number): string {
    const start = this.take(bytes)
    return this.pool.toString('hex', start, start + bytes)
  }
  token(length: number): string {
    const start = this.take(length)
    let text = ''
    for (let i = start; i < start + length; i++) text += alphabet[this.pool[i]! & 63]
    return text
  }
  fraction(): number {
    const start = this.take(6)
    return this.pool.readUIntBE(start, 6) / 2 ** 48
  }
}

/** Cryptographically random; one a process is enough. */
export function randomIds(): Ids {
  return new Pool((pool) => {
    randomFillSync(pool)
  })
}

/** Repeatable, for tests and simulations: the same seed gives the same names. */
export function seededIds(seed: number): Ids {
  let state = seed >>> 0 || 1
  return new Pool((pool) => {
    for (let i = 0; i < pool.length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      pool[i] = state >>> 11
    }
  })
}

/** Digests, here because this is the one file that may use the crypto library. */
export function hashHex(algorithm: 'md5' | 'sha256', text: string): string {
  return hash(algorithm, text, 'hex')
}

/** The first `length` characters of the base64url HMAC-SHA-256 of `text`. */
export function seal(key: string, text: string, length: number): string {
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, length)
}

/** The HMAC-SHA-256 of `text` as lower-case hex: in the order of its bytes. */
export function sealHex(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

/** The first `length` characters of the base64url SHA-256 of `text`: a short name for what need not be hidden. */
export function digest(text: string, length: number): string {
  return hash('sha256', text, 'base64url').slice(0, length)
}

/** Compares without telling by its duration where the texts differ. */
export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

/** 16 bytes made 16 others that say nothing without the key; the same bytes always the same (AES-256, one block). */
export function hide(key: string, block: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-ecb', hash('sha256', key, 'buffer'), null).setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()])
}

/** The bytes that `hide` hid under that key; other bytes give 16 that mean nothing. */
export function reveal(key: string, block: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-ecb', hash('sha256', key, 'buffer'), null).setAutoPadding(false)
  return Buffer.concat([decipher.update(block), decipher.final()])
}

/** Texts that only the key reveals, by bytes that are others under another `salt` (AES-256-CBC). */
export class TextCipher {
  private readonly key: KeyObject // made once: made from bytes for each use, a cipher costs three times as much

  constructor(key: string) {
    this.key = createSecretKey(hash('sha256', key, 'buffer'))
  }
  hide(salt: string, text: string): Buffer {
    const cipher = createCipheriv('aes-256-cbc', this.key, vectorOf(salt))
    return Buffer.concat([cipher.update(text), cipher.final()])
  }
  /** The text that `hide` hid. Throws on any bytes that it did not make. */
  reveal(salt: string, bytes: Uint8Array): string {
    const decipher = createDecipheriv('aes-256-cbc', this.key, vectorOf(salt))
    return Buffer.concat([decipher.update(bytes), decipher.final()]).toString()
  }
}

function vectorOf(salt: string): Buffer {
  return hash('sha256', salt, 'buffer').subarray(0, 16)
}
