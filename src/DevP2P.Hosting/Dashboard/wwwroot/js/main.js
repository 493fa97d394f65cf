// Puts the page together.

import { announce, byId, field, schedule, setAttribute, setField, setText } from "./dom.js";
import { duration, foreign, rate } from "./format.js";
import { startKeys } from "./keys.js";
import { NodeModel } from "./node.js";
import { RpcClient } from "./rpc.js";
import { askToken, readToken } from "./token.js";
import { PeerActions } from "./actions.js";
import { startBans } from "./panels/bans.js";
import { startDials } from "./panels/dials.js";
import { startDrops } from "./panels/drops.js";
import { startEvents } from "./panels/events.js";
import { startIdentity } from "./panels/identity.js";
import { startLimits } from "./panels/limits.js";
import { startPeers } from "./panels/peers.js";
import { startTables } from "./panels/tables.js";
import { startTraffic } from "./panels/traffic.js";

// The API is beside this page's folder, wherever the application has put both.
const rpc = new RpcClient(new URL("../", location.href.split("#")[0]), readToken);
const node = new NodeModel(rpc);
const actions = new PeerActions(node);

startIdentity(node);
startTraffic(node);
const peers = startPeers(node, actions);
startDials(node);
startTables(node);
startDrops(node);
const events = startEvents(node);
startLimits(node);
startBans(node, actions);
startKeys({ peers, events });

let wasOpen = false;

function showLink() {
  const texts = { connecting: "Connecting", open: "Connected", waiting: `Not connected: ${rpc.problem}`, token: "A token is needed" };
  document.querySelector(".link").dataset.state = rpc.state;
  document.body.dataset.link = rpc.state;
  setText(field("link"), texts[rpc.state]);
  byId("retry").hidden = rpc.state !== "waiting";
  if (rpc.state === "token") askToken(rpc.problem, () => rpc.connect());
  if (rpc.state === "waiting" && wasOpen) announce("The connection to the node is lost. The page tries again by itself.");
  if (rpc.state === "open" && wasOpen === false && showLink.lost) announce("Connected to the node again.");
  if (rpc.state === "waiting") showLink.lost = true;
  if (rpc.state === "waiting" || rpc.state === "open") wasOpen = rpc.state === "open";
  countDown();
}

function countDown() {
  const seconds = Math.ceil((rpc.retryAt - Date.now()) / 1000);
  setField("countdown", rpc.state === "waiting" && seconds > 0 ? `next try in ${seconds} s` : "");
}

function showSummary() {
  const status = node.status;
  if (status) {
    const title = foreign(status.node.name, 60);
    setField("title", title);
    const pageTitle = `${status.peers.total}/${status.peers.max} peers · ${title} · DevP2P`;
    if (document.title !== pageTitle) document.title = pageTitle;
    setField("peer-count", `${status.peers.total} / ${status.peers.max}`);
    setField("peers-in", status.peers.inbound);
    setField("peers-out", status.peers.outbound);
    setField("peers-static", status.peers.static);
    setField("peers-trusted", status.peers.trusted);
    setField("uptime", duration(status.uptimeSeconds));
  }
  const sample = node.traffic.latest;
  const sum = (map) => [...map.values()].reduce((a, b) => a + b, 0);
  setField("rate-in", sample ? rate(sum(sample.in)) : "–");
  setField("rate-out", sample ? rate(sum(sample.out)) : "–");
}

function showTheme() {
  setText(byId("theme"), `Theme: ${devp2pTheme.choice}`);
}

byId("theme").addEventListener("click", () => devp2pTheme.toggle());
document.addEventListener("themechange", showTheme);
showTheme();
byId("retry").addEventListener("click", () => rpc.retry());
setInterval(countDown, 1000);
for (const what of ["status", "traffic"]) node.addEventListener(what, () => schedule(showSummary));
rpc.addEventListener("state", showLink);
setAttribute(document.documentElement, "data-ready", "");
rpc.connect();
