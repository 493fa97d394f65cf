// Clients of the admin API: ethers, web3 and ws against a node of ours. One JSON object a line on stdout; ends when stdin does.
// node admin.mjs HTTP_URL IPC_PATH ENODE [TOKEN]
import { FetchRequest, IpcSocketProvider, JsonRpcProvider, Network, WebSocketProvider } from "ethers";
import { Web3 } from "web3";
import { IpcProvider } from "web3-providers-ipc";
import WebSocket from "ws";

const [url, ipc, enode, token] = process.argv.slice(2);
const say = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
const errorOf = async (promise) => {
  try {
    return { result: await promise };
  } catch (e) {
    // ethers wraps what the server said, web3 has it in innerError or cause.
    const inner = e?.info?.error ?? e?.error ?? e?.innerError ?? e?.cause ?? e;
    return { code: inner.code, message: inner.message, status: e?.info?.responseStatus ?? e?.response?.statusCode };
  }
};
process.stdin.on("end", () => process.exit(0)).resume();

const network = Network.from(1);
const request = new FetchRequest(url);
if (token) request.setHeader("Authorization", `Bearer ${token}`);
const http = new JsonRpcProvider(request, network, { staticNetwork: network });
let batches = 0;
http.on("debug", (e) => { if (e.action === "sendRpcPayload" && Array.isArray(e.payload)) batches++; });

// ethers by POST: single calls and the batch that it makes of calls of one moment.
const nodeInfo = await http.send("admin_nodeInfo", []);
const [version, count, modules, client] = await Promise.all(
  ["net_version", "net_peerCount", "rpc_modules", "web3_clientVersion"].map((method) => http.send(method, [])));
say("ethers-http", { nodeInfo, version, count: Number(count), modules, client, batches });
say("ethers-errors", {
  unknown: await errorOf(http.send("eth_blockNumber", [])),
  invalid: await errorOf(http.send("admin_addPeer", ["enode://12"])),
  missing: await errorOf(http.send("admin_addPeer", [])),
  subscribe: await errorOf(http.send("admin_subscribe", ["peerEvents"])),
});
const stranger = new JsonRpcProvider(url, network, { staticNetwork: network });
say("ethers-no-token", await errorOf(stranger.send("net_version", [])));

// ws: geth's subscription, seen by hand.
const socket = new WebSocket(url.replace("http", "ws"), token ? { headers: { Authorization: `Bearer ${token}` } } : {});
const messages = [];
let wake = () => {};
socket.on("message", (data) => { messages.push(JSON.parse(data)); wake(); });
const next = async () => { while (messages.length === 0) await new Promise((resolve) => { wake = resolve; }); return messages.shift(); };
await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
socket.send(JSON.stringify({ jsonrpc: "2.0", id: 7, method: "admin_subscribe", params: ["peerEvents"] }));
const subscribed = await next();

// web3 by POST makes the peer; its event comes by ws.
const web3 = new Web3(new Web3.providers.HttpProvider(url, token ? { providerOptions: { headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` } } } : undefined));
const added = await web3.provider.request({ jsonrpc: "2.0", id: 1, method: "admin_addPeer", params: [enode] });
const event = await next();
say("ws", { subscribed, added, notification: event });
socket.send(JSON.stringify({ jsonrpc: "2.0", id: 8, method: "admin_unsubscribe", params: [subscribed.result] }));
say("ws-unsubscribed", { answer: await next() });
socket.close();

say("web3-http", {
  listening: await web3.eth.net.isListening(),
  count: Number(await web3.eth.net.getPeerCount()),
  id: Number(await web3.eth.net.getId()),
  client: await web3.eth.getNodeInfo(),
  peers: (await web3.provider.request({ jsonrpc: "2.0", id: 2, method: "admin_peers", params: [] })).result,
});

// ethers by WebSocket.
const overSocket = new WebSocketProvider(
  () => new WebSocket(url.replace("http", "ws"), token ? { headers: { Authorization: `Bearer ${token}` } } : {}), network, { staticNetwork: network });
say("ethers-ws", { peers: await overSocket.send("admin_peers", []), status: await overSocket.send("devp2p_status", []) });
await overSocket.destroy();

// Both by the Unix socket, which needs no token.
const ethersIpc = new IpcSocketProvider(ipc, network, { staticNetwork: network });
say("ethers-ipc", { peers: await ethersIpc.send("admin_peers", []), answers: (await Promise.all([1, 2, 3].map(() => ethersIpc.send("net_version", [])))) });
await ethersIpc.destroy();
const web3Ipc = new IpcProvider(ipc);
const ipcAnswer = await web3Ipc.request({ jsonrpc: "2.0", id: 3, method: "admin_nodeInfo", params: [] });
const events = [];
web3Ipc.on("message", (message) => events.push(message));
const ipcSubscription = await web3Ipc.request({ jsonrpc: "2.0", id: 4, method: "admin_subscribe", params: ["peerEvents"] });
await web3.provider.request({ jsonrpc: "2.0", id: 5, method: "admin_removePeer", params: [enode] });
while (!events.some((message) => message.method === "admin_subscription")) await new Promise((resolve) => setTimeout(resolve, 10));
say("web3-ipc", { answer: ipcAnswer, subscription: ipcSubscription.result, notification: events.find((message) => message.method === "admin_subscription") });
web3Ipc.disconnect();
say("done", {});
