// The test protocol `xchg`, version 1: both sides send at once, and each proves with a digest what it received.
//
//   0 data  [bytes]                            any number of these, pseudo-random from a seed
//   1 done  [count, totalPayloadBytes, digest] the sender's own running digest
//
// The digest is SHA-256 over, for every data message in order, its payload's length (4 bytes, big-endian) and
// its payload. The same protocol in C# is in ../ExchangeProtocol.cs.

import { createHash } from 'node:crypto'
import { once } from 'node:events'

import { RLP } from '@ethereumjs/rlp'

export const DATA = 0
export const DONE = 1

// Bytes that may wait in the socket before the sender stops to let them go.
const MAX_BUFFERED = 1 << 20

// RLP headers of [bytes] at 1 MiB take 8 bytes; they count towards the size.
const OVERHEAD = 8

// One message in four repeats a short block, so that snappy has something to copy.
const BLOCK = 61

/** xorshift32; never seeded with 0. */
export class Random {
  #state

  constructor(seed) {
    this.#state = seed >>> 0 || 1
  }

  next() {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (this.#state = x >>> 0)
  }

  /** Whole words in little-endian order; a last word may be cut. */
  fill(bytes) {
    const words = bytes.length >>> 2
    for (let i = 0; i < words; i++) {
      const word = this.next()
      const at = i << 2
      bytes[at] = word
      bytes[at + 1] = word >>> 8
      bytes[at + 2] = word >>> 16
      bytes[at + 3] = word >>> 24
    }
    if (bytes.length & 3) {
      let word = this.next()
      for (let at = words << 2; at < bytes.length; at++, word >>>= 8) bytes[at] = word
    }
  }
}

/** Payloads of log-uniform sizes up to maxSize, until totalBytes are reached. */
export function* payloads({ seed, totalBytes, maxSize }) {
  const random = new Random(seed)
  for (let sent = 0; sent < totalBytes; ) {
    const size = Math.floor(Math.pow(maxSize, random.next() / 2 ** 32))
    const repetitive = (random.next() & 3) === 0
    const bytes = new Uint8Array(Math.max(0, size - OVERHEAD))
    if (repetitive) {
      random.fill(bytes.subarray(0, BLOCK))
      for (let at = BLOCK; at < bytes.length; at++) bytes[at] = bytes[at - BLOCK]
    } else {
      random.fill(bytes)
    }
    const payload = RLP.encode([bytes])
    sent += payload.length
    yield payload
  }
}

/** Counts and digests a sequence of payloads. */
export class Tally {
  count = 0
  bytes = 0
  #hash = createHash('sha256')

  add(payload) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(payload.length)
    this.#hash.update(length).update(payload)
    this.count++
    this.bytes += payload.length
  }

  summary() {
    return { count: this.count, bytes: this.bytes, digest: this.#hash.copy().digest('hex') }
  }
}

/** Sends the payloads that the options describe as fast as the socket takes them, and says what it sent. */
async function sendAll(send, code, socket, options) {
  const sent = new Tally()
  for (const payload of payloads(options)) {
    if (socket.destroyed) throw new Error('the connection closed while sending')
    sent.add(payload)
    send(code, payload)
    if (socket.writableLength > MAX_BUFFERED) {
      await Promise.race([once(socket, 'drain'), once(socket, 'close')])
    } else {
      await new Promise((resolve) => setImmediate(resolve)) // let the reading side have its turn
    }
  }
  return sent.summary()
}

/** One peer's side of the exchange; `report` gets the outcome once both directions are through. */
export class Exchange {
  #send
  #socket
  #report
  #received = new Tally()
  #sent
  #claimed

  constructor(send, socket, report) {
    this.#send = send
    this.#socket = socket
    this.#report = report
  }

  async run(options) {
    const sent = await sendAll(this.#send, DATA, this.#socket, options)
    this.#send(DONE, RLP.encode([sent.count, sent.bytes, Buffer.from(sent.digest, 'hex')]))
    this.#sent = sent
    this.#finish()
  }

  handle(code, payload) {
    if (code === DATA) {
      const content = RLP.decode(payload)
      if (content.length !== 1 || !(content[0] instanceof Uint8Array)) throw new Error('data is not [bytes]')
      this.#received.add(payload)
    } else if (code === DONE) {
      const [count, bytes, digest] = RLP.decode(payload)
      this.#claimed = { count: number(count), bytes: number(bytes), digest: Buffer.from(digest).toString('hex') }
      this.#finish()
    } else {
      throw new Error(`unknown xchg code ${code}`)
    }
  }

  #finish() {
    if (!this.#sent || !this.#claimed) return
    const received = this.#received.summary()
    const equal = JSON.stringify(received) === JSON.stringify(this.#claimed)
    this.#report({ sent: this.#sent, received, claimed: this.#claimed, equal })
  }
}

/** The same traffic through a server that answers every code 0 with a code 1: what goes out must come back. */
export class EchoExchange {
  #send
  #socket
  #report
  #received = new Tally()
  #sent

  constructor(send, socket, report) {
    this.#send = send
    this.#socket = socket
    this.#report = report
  }

  async run(options) {
    this.#sent = await sendAll(this.#send, 0, this.#socket, options)
    this.#finish()
  }

  handle(payload) {
    this.#received.add(payload)
    this.#finish()
  }

  #finish() {
    if (this.#sent?.count !== this.#received.count) return
    const received = this.#received.summary()
    this.#report({ sent: this.#sent, received, equal: received.digest === this.#sent.digest })
  }
}

function number(bytes) {
  return bytes.length === 0 ? 0 : parseInt(Buffer.from(bytes).toString('hex'), 16)
}
