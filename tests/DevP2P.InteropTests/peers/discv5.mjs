// A foreign node of discovery v5.1 (@chainsafe/discv5) that a test drives over stdin and stdout, one JSON object a line.
//
//   node discv5.mjs --version 12|11 [--key HEX] [--port N] [--entry NAME=HEX]... [--no-address] [--quiet] [--plain-ids] [--config JSON]
//
// It listens on 127.0.0.1. Its record has that address and port (unless --no-address) and the given entries, whose values are
// byte strings in hex. --config goes to the package (requestTimeout, requestRetries, lookupTimeout, ...; times in ms).
// --quiet: no event for each talk request that comes in. --plain-ids: no request id begins with a zero byte (see below).
//
// Commands: add-enr {enr}; ping {enr}; find-node {enr, distances: [N]}; lookup {target: node id in HEX};
//           talk {enr, protocol, payload: HEX | random: SIZE, count, concurrency}: count times the same payload, or a random
//           one of that size each time; forget-session {node} drops the keys of the sessions with a node, as a restart would;
//           set-entry {name, value: HEX} changes the record, whose sequence number rises by 1; enr; stats; stop.
// Events:   started {enr, node, port}; each answers one command: added, pong, nodes, found, talked, forgotten, enr, stats;
//           established {node, enr, direction, verified, address}, enrAdded {node, enr}, discovered {node, enr},
//           talkReqReceived {node, address, protocol, size, payload}, answered {node, type: PING | FINDNODE};
//           failed {command, reason}, decodeError {address, message}.
//
// Talk requests of protocol "echo" are answered with what they say, those of "mute" never, all others with nothing in it, as
// the specification wants it for protocols that a node does not know. It ends when stdin does, so it never outlives its test.

import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

import { ENR, SignableENR } from '@chainsafe/enr'
import { multiaddr } from '@multiformats/multiaddr'

const { values: options } = parseArgs({
  options: {
    version: { type: 'string', default: '12' },
    key: { type: 'string' },
    port: { type: 'string', default: '0' },
    entry: { type: 'string', multiple: true, default: [] },
    'no-address': { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    'plain-ids': { type: 'boolean', default: false },
    config: { type: 'string', default: '{}' },
  },
})

const HOST = '127.0.0.1'
// Payloads up to this size are shown.
const SHOWN_PAYLOAD = 2048

const { Discv5, ConnectionDirection } = await import(`discv5-${options.version}`)

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'hex'))
const emit = (event, fields) => process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
const described = (enr) => ({ node: enr.nodeId, enr: enr.encodeTxt() })
// "/ip4/127.0.0.1/udp/9000" as "127.0.0.1:9000"
const socketOf = (address) => address.toString().split('/').filter((_, i) => i === 2 || i === 4).join(':')

const privateKey = options.key ? bytesOf(options.key) : new Uint8Array(randomBytes(32))
const record = SignableENR.createV4(privateKey)
const node = Discv5.create({
  enr: record,
  privateKey: { type: 'secp256k1', raw: privateKey },
  bindAddrs: { ip4: multiaddr(`/ip4/${HOST}/udp/${options.port}`) },
  // The package's own second is little on a busy machine, and it does not try again.
  config: { requestTimeout: 5_000, ...JSON.parse(options.config) },
})
const sessions = node.sessionService

if (options['plain-ids']) {
  // 11.0.0 takes request ids for numbers and answers without their leading zeros, so that in 12.0.2, which compares bytes,
  // one request in 256 to it fails.
  const original = node.sendRpcRequest
  node.sendRpcRequest = function (active) {
    if (active.request.id[0] === 0) active.request.id[0] = 1
    return original.call(this, active)
  }
}

const talkRequests = {}
let establishedCount = 0

sessions.on('established', (address, enr, direction, verified) => {
  establishedCount++
  emit('established', {
    ...described(enr),
    direction: ConnectionDirection[direction].toLowerCase(),
    verified,
    address: socketOf(address.socketAddr),
  })
})
sessions.transport.on('decodeError', (error, address) =>
  emit('decodeError', { address: socketOf(address), message: String(error?.message ?? error) }),
)
node.on('enrAdded', (enr) => emit('enrAdded', described(enr)))
node.on('discovered', (enr) => emit('discovered', described(enr)))
node.on('talkReqReceived', (address, _enr, request) => {
  const protocol = Buffer.from(request.protocol).toString()
  talkRequests[protocol] = (talkRequests[protocol] ?? 0) + 1
  if (!options.quiet) {
    emit('talkReqReceived', {
      node: address.nodeId,
      address: socketOf(address.socketAddr),
      protocol,
      size: request.request.length,
      ...(request.request.length <= SHOWN_PAYLOAD && { payload: hex(request.request) }),
    })
  }
  if (protocol !== 'mute') {
    node.sendTalkResp(address, request.id, protocol === 'echo' ? request.request : new Uint8Array())
  }
})

async function talk({ enr, protocol, payload, random, count = 1, concurrency = 1 }) {
  const peer = ENR.decodeTxt(enr)
  const times = []
  const failures = {}
  let [next, wrong, response] = [0, 0, null]
  const worker = async () => {
    while (next++ < count) {
      const request = random === undefined ? bytesOf(payload) : new Uint8Array(randomBytes(random))
      const start = process.hrtime.bigint()
      try {
        response = await node.sendTalkReq(peer, request, protocol)
        times.push(Number(process.hrtime.bigint() - start) / 1e6)
        wrong += protocol === 'echo' && !Buffer.from(request).equals(response) ? 1 : 0
      } catch (error) {
        failures[reasonOf(error)] = (failures[reasonOf(error)] ?? 0) + 1
      }
    }
  }
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: concurrency }, worker))
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  times.sort((a, b) => a - b)
  const percentile = (p) => (times.length === 0 ? null : times[Math.min(times.length - 1, Math.floor(times.length * p))])
  emit('talked', {
    node: peer.nodeId,
    protocol,
    answered: times.length,
    wrong,
    failed: count - times.length,
    failures,
    seconds,
    perSecond: times.length / seconds,
    milliseconds: { median: percentile(0.5), p99: percentile(0.99), max: percentile(1) },
    response: response && response.length <= SHOWN_PAYLOAD ? hex(response) : null,
  })
}

/** Removes the keys with a node, at whatever address it is. The package has no other word for it. */
function forgetSession(nodeId) {
  const keys = [...sessions.sessions.keys()].filter((key) => key.startsWith(`${nodeId}:`))
  keys.forEach((key) => sessions.sessions.delete(key))
  return keys.length
}

// The package's errors have their reason as code ("Timeout", "InvalidRemotePacket", ...).
const reasonOf = (error) => String(error?.code ?? error?.message ?? error)

const commands = {
  'add-enr'({ enr }) {
    const decoded = ENR.decodeTxt(enr) // The package ignores what it cannot decode.
    node.addEnr(decoded)
    emit('added', { node: decoded.nodeId, isKnown: node.getKadValue(decoded.nodeId) !== undefined })
  },
  async ping({ enr }) {
    const peer = ENR.decodeTxt(enr)
    const pong = await node.sendPing(peer)
    emit('pong', {
      node: peer.nodeId,
      enrSeq: Number(pong.enrSeq),
      seenAs: `${pong.addr.ip.type === 4 ? pong.addr.ip.octets.join('.') : hex(pong.addr.ip.octets)}:${pong.addr.port}`,
    })
  },
  async 'find-node'({ enr, distances }) {
    const peer = ENR.decodeTxt(enr)
    const found = await node.sendFindNode(peer, distances)
    emit('nodes', { node: peer.nodeId, enrs: found.map((each) => each.encodeTxt()) })
  },
  async lookup({ target }) {
    const found = await node.findNode(target)
    emit('found', { target, enrs: found.map((each) => each.encodeTxt()) })
  },
  talk,
  'forget-session': ({ node: id }) => emit('forgotten', { node: id, sessions: forgetSession(id) }),
  'set-entry'({ name, value }) {
    record.set(name, bytesOf(value))
    emit('enr', { enr: record.encodeTxt(), seq: Number(record.seq) })
  },
  enr: () => emit('enr', { enr: record.encodeTxt(), seq: Number(record.seq) }),
  stats: () =>
    emit('stats', {
      sessions: sessions.sessionsSize(),
      established: establishedCount,
      connected: node.connectedPeerCount,
      talkRequests,
      table: node.kadValues().map((enr) => enr.encodeTxt()),
    }),
  async stop() {
    await node.stop()
    process.exit(0)
  },
}

await node.start()
// Behind the package's own listener, which has answered by then.
sessions.on('request', (address, request) => {
  const type = { 1: 'PING', 3: 'FINDNODE' }[request.type]
  if (type) emit('answered', { node: address.nodeId, type })
})
const port = sessions.transport.ip4.socket.address().port
if (!options['no-address']) {
  record.ip = HOST
  record.udp = port
}
for (const entry of options.entry) {
  const [name, value] = entry.split('=')
  record.set(name, bytesOf(value))
}
record.seq = 1n // nobody has seen the steps
emit('started', { ...described(record), port, nodeVersion: process.version })

const input = createInterface({ input: process.stdin })
input.on('line', async (line) => {
  let name = ''
  try {
    const command = JSON.parse(line)
    name = command.cmd
    if (!Object.hasOwn(commands, name)) throw new Error('unknown command')
    await commands[name](command)
  } catch (error) {
    emit('failed', { command: name, reason: reasonOf(error) })
  }
})
input.on('close', () => process.exit(0))
