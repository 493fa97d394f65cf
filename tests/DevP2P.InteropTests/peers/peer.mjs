// A foreign RLPx peer (@ethereumjs/devp2p) that a test drives over stdin and stdout, one JSON object a line.
//
//   node peer.mjs --version 10|4 [--listen 127.0.0.1:0] [--key HEX] [--name TEXT] [--max-peers N]
//                 [--capability NAME/VERSION/LENGTH]... [--bounce] [--discovery [--dial-found] [--refresh MS]]
//
// --bounce: it answers code 0 with the same payload in code 1, and tells nothing of any message: for measuring.
// --discovery: discovery v4 on a UDP port of its own, which the enode URL names. It asks each node that it knows for others
// once in --refresh. --dial-found: it connects to all that it finds, and bans for 5 min who has no TCP port.
//
// Commands: dial {enode}, exchange {seed, totalBytes, maxSize} over xchg, echo {seed, totalBytes, maxSize} through code
//           0 of `protocol`, send {protocol, code, payload: HEX | random: SIZE}, ping, disconnect {reason}, quit. All but
//           dial and quit may name a peer ({peer}, its public key in hex); a single connected peer needs no name.
//           Of discovery: bootstrap {enode}, announce {enode} (a ping), know {enodes} (unasked into the table), table.
// Events:   listening {enode, port, udpPort}, hello, connected, sent, message, exchanged, echoed, ping, pong,
//           closed {reason, by}, error. Of discovery: found and lost {id, address, udpPort, tcpPort},
//           table {nodes}, packetSent {type, size, to, nodes}, discoveryError {message}.
//
// It ends when stdin does, so it never outlives the test that started it.

import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

import snappy from 'snappyjs'

import { createDpt, parseNode } from './dpt.mjs'
import { EchoExchange, Exchange } from './exchange.mjs'

const { values: options } = parseArgs({
  options: {
    version: { type: 'string', default: '10' },
    listen: { type: 'string', default: '127.0.0.1:0' },
    key: { type: 'string' },
    name: { type: 'string' },
    'max-peers': { type: 'string', default: '25' },
    capability: { type: 'string', multiple: true, default: ['xchg/1/8'] },
    bounce: { type: 'boolean', default: false },
    discovery: { type: 'boolean', default: false },
    'dial-found': { type: 'boolean', default: false },
    refresh: { type: 'string', default: '2000' },
  },
})

// Messages up to this size are shown whole, larger ones by their digest alone.
const SHOWN_PAYLOAD = 4096

const library = await import(`devp2p-${options.version}`)
const { RLPx, Peer } = library.default ?? library

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const emit = (event, fields) => process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
const idOf = (peer) => (peer.getId() ? hex(peer.getId()) : null)

// The package stays silent about a peer that is refused before both hellos are through, so look at its own handlers.
observe('_handleHello', (peer, [payload]) =>
  emit('hello', {
    peer: hex(payload[4]),
    version: payload[0][0],
    name: Buffer.from(payload[1]).toString(),
    capabilities: payload[2].map(([name, version]) => `${Buffer.from(name)}/${version[0] ?? 0}`),
    port: payload[3].length === 0 ? 0 : parseInt(hex(payload[3]), 16),
  }),
)
observe('_handlePing', (peer) => emit('ping', { peer: idOf(peer) }))
observe('_handlePong', (peer) => emit('pong', { peer: idOf(peer) }))
observe('_onSocketClose', (peer) => {
  sessions.delete(idOf(peer))
  const by = peer._disconnectWe === null ? 'nobody' : peer._disconnectWe ? 'us' : 'remote'
  emit('closed', { peer: idOf(peer), reason: peer._disconnectReason ?? null, by })
})

function observe(method, look) {
  const original = Peer.prototype[method]
  Peer.prototype[method] = function (...args) {
    look(this, args)
    return original.apply(this, args)
  }
}

function describe(payload) {
  return {
    size: payload.length,
    sha256: createHash('sha256').update(payload).digest('hex'),
    ...(payload.length <= SHOWN_PAYLOAD && { payload: hex(payload) }),
  }
}

/** peer id -> { peer, protocols: name -> { send, exchange } } */
const sessions = new Map()

function capability(text) {
  const [name, version, length] = text.split('/')

  return {
    name,
    version: Number(version),
    length: Number(length),
    constructor: class TestProtocol {
      constructor(_version, peer, rawSend) {
        const compress = peer.getHelloMessage().protocolVersion >= 5
        this.peer = peer
        this.name = name
        this.send = (code, payload) => rawSend(code, Buffer.from(compress ? snappy.compress(payload) : payload))
        this.exchange = new Exchange(this.send, peer._socket, (outcome) =>
          emit('exchanged', { peer: idOf(peer), ...outcome }),
        )
        const session = sessions.get(idOf(peer)) ?? { peer, protocols: new Map() }
        session.protocols.set(name, this)
        sessions.set(idOf(peer), session)
      }

      _handleMessage(code, payload) {
        if (name === 'xchg') return this.exchange.handle(code, payload)
        if (options.bounce) return code === 0 ? this.send(1, payload) : undefined
        if (this.echo && code === 1) return this.echo.handle(payload)
        emit('message', { peer: idOf(this.peer), protocol: name, code, ...describe(payload) })
      }
    },
  }
}

class TestRLPx extends RLPx {
  _onConnect(socket, id) {
    socket.setNoDelay(true) // header and body are separate writes: with Nagle's algorithm each message costs 40 ms
    super._onConnect(socket, id)
  }
}

const [host, port] = options.listen.split(':')
const key = options.key ? Buffer.from(options.key, 'hex') : randomBytes(32)
const discovery = options.discovery ? createDpt(library.default ?? library, key, host, Number(options.refresh), emit) : null
const rlpx = new TestRLPx(key, {
  capabilities: options.capability.map(capability),
  clientId: options.name === undefined ? undefined : Buffer.from(options.name),
  maxPeers: Number(options['max-peers']),
  listenPort: Number(port),
  timeout: 120_000, // for a pong, too, which may have to wait behind everything this slow peer has not read yet
  dpt: options['dial-found'] ? discovery.dpt : null,
})
const id = hex(rlpx.id ?? rlpx._id)
const events = rlpx.events ?? rlpx

events.on('peer:added', (peer) =>
  emit('connected', {
    peer: idOf(peer),
    remote: `${peer._socket.remoteAddress}:${peer._socket.remotePort}`,
    protocols: [...(sessions.get(idOf(peer))?.protocols.keys() ?? [])],
  }),
)
events.on('peer:error', (peer, error) => emit('error', { peer: idOf(peer), message: String(error?.message ?? error) }))
events.on('error', (error) => emit('error', { message: String(error?.message ?? error) }))
events.on('listening', async () => {
  const bound = rlpx._server.address().port
  rlpx._listenPort = bound // what the hello says
  const udpPort = await discovery?.listen(bound)
  const enode = `enode://${id}@${host}:${bound}` + (udpPort && udpPort !== bound ? `?discport=${udpPort}` : '')
  emit('listening', { enode, id, port: bound, udpPort, node: process.version })
})

function sessionOf({ peer }) {
  const session = peer ? sessions.get(peer) : sessions.size === 1 ? [...sessions.values()][0] : undefined
  if (!session) throw new Error(`no such peer (${sessions.size} connected)`)
  return session
}

function protocolOf(command, name) {
  const protocol = sessionOf(command).protocols.get(name)
  if (!protocol) throw new Error(`the peer does not share ${name}`)
  return protocol
}

const commands = {
  dial: ({ enode }) => rlpx.connect(parseNode(enode)),
  exchange: (command) => protocolOf(command, 'xchg').exchange.run(command),
  echo(command) {
    const protocol = protocolOf(command, command.protocol)
    protocol.echo = new EchoExchange(protocol.send, protocol.peer._socket, (outcome) => {
      protocol.echo = undefined
      emit('echoed', { peer: idOf(protocol.peer), ...outcome })
    })
    return protocol.echo.run(command)
  },
  send(command) {
    const { protocol, code, payload, random } = command
    const bytes = random === undefined ? Buffer.from(payload, 'hex') : randomBytes(random)
    protocolOf(command, protocol).send(code, bytes)
    emit('sent', { protocol, code, ...describe(bytes) })
  },
  ping: (command) => sessionOf(command).peer._sendPing(),
  disconnect: (command) => sessionOf(command).peer.disconnect(command.reason),
  quit: () => process.exit(0),
  ...discovery?.commands,
}

const input = createInterface({ input: process.stdin })
input.on('line', async (line) => {
  try {
    const command = JSON.parse(line)
    if (!Object.hasOwn(commands, command.cmd)) throw new Error(`unknown command ${command.cmd}`)
    await commands[command.cmd](command)
  } catch (error) {
    emit('error', { command: line.slice(0, 200), message: String(error?.message ?? error) })
  }
})
input.on('close', () => process.exit(0))

rlpx.listen(Number(port), host)
