// Discovery v4 of @ethereumjs/devp2p ("DPT") for peer.mjs: its commands, its events, and a look at what it sends and reads.

const hex = (bytes) => Buffer.from(bytes).toString('hex')

/** A node as the package has it, from an enode URL. */
export function parseNode(enode) {
  const url = new URL(enode)
  const tcpPort = Number(url.port)
  return {
    id: Buffer.from(url.username, 'hex'),
    address: url.hostname,
    udpPort: Number(url.searchParams.get('discport') ?? tcpPort),
    tcpPort: tcpPort === 0 ? null : tcpPort,
  }
}

const described = (node) => ({ id: node.id && hex(node.id), address: node.address, udpPort: node.udpPort, tcpPort: node.tcpPort })

/**
 * @param library the package
 * @param key the private key
 * @param host where to listen; any free port
 * @param refreshInterval ms within which it asks each node of its table once
 * @param emit takes events
 */
export function createDpt(library, key, host, refreshInterval, emit) {
  // The package keeps this object and tells it to others in pings; the ports come later.
  const endpoint = { address: host, udpPort: null, tcpPort: null }
  const dpt = new library.DPT(key, { endpoint, refreshInterval, timeout: 10_000, shouldGetDnsPeers: false })
  const events = dpt.events ?? dpt

  events.on('peer:added', (node) => emit('found', described(node)))
  events.on('peer:removed', (node) => emit('lost', described(node)))
  events.on('error', (error) => emit('discoveryError', { message: String(error?.message ?? error) }))

  const server = dpt._server
  const { _send: send, _socket: socket } = server
  const socketSend = socket.send
  let size = 0
  socket.send = function (packet, ...rest) {
    size = packet.length
    return socketSend.call(this, packet, ...rest)
  }
  server._send = function (to, type, data) {
    const id = send.call(this, to, type, data)
    emit('packetSent', { type, size, to: `${to.address}:${to.udpPort}`, ...(type === 'neighbours' && { nodes: data.peers.length }) })
    return id
  }

  return {
    dpt,

    /** Resolves with the UDP port once it listens. */
    listen(tcpPort) {
      endpoint.tcpPort = tcpPort
      return new Promise((resolve) => {
        events.once('listening', () => {
          endpoint.udpPort = socket.address().port
          resolve(endpoint.udpPort)
        })
        dpt.bind(0, host)
      })
    },

    commands: {
      bootstrap: ({ enode }) => dpt.bootstrap(parseNode(enode)),
      /** To a node that it knows it would never send another ping by itself. */
      announce: ({ enode }) => server.ping(parseNode(enode)).catch(() => {}),
      /** Puts nodes into the table without asking them whether they live. */
      know: ({ enodes }) => enodes.map(parseNode).forEach((node) => dpt._kbucket.add(node)),
      table: () => emit('table', { nodes: dpt.getPeers().map(described) }),
    },
  }
}
