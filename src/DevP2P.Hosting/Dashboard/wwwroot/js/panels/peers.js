// The peers, from devp2p_peers.

import { byId, schedule, setField } from "../dom.js";
import { bytes, count, duration, foreign, rate, score, shortId } from "../format.js";
import { VirtualTable } from "../virtual-table.js";

const byText = (get) => (a, b) => (get(a) < get(b) ? -1 : get(a) > get(b) ? 1 : 0);
const number = (n) => (Number.isFinite(n) ? n : -Number.MAX_VALUE);
const byNumber = (get) => (a, b) => (number(get(a)) > number(get(b)) ? 1 : number(get(a)) < number(get(b)) ? -1 : 0);
const direction = (p) => (p.network.inbound ? "in" : "out");
const kind = (p) => [p.network.static && "static", p.network.trusted && "trusted"].filter(Boolean).join(" ");
const label = (p) => (p.name ? `${foreign(p.name, 40)} ${shortId(p.id)}` : shortId(p.id));
const kinds = {
  in: (p) => p.network.inbound,
  out: (p) => !p.network.inbound,
  static: (p) => p.network.static,
  trusted: (p) => p.network.trusted,
};

export function startPeers(node, actions) {
  const text = (title, width, get, more = {}) => ({ title, width, text: get, compare: byText(get), ...more });
  const amount = (title, width, get, form, more = {}) =>
    ({ title, width, text: (p) => form(get(p)), compare: byNumber(get), descendingFirst: true, className: "num", ...more });
  const table = new VirtualTable(byId("peer-table"), {
    label: "Peers",
    empty: "No peer is connected, or none passes the filter.",
    key: (p) => p.id,
    open: (p) => actions.show(p),
    sort: { column: "Age", descending: true },
    columns: [
      text("Dir", "44px", direction),
      text("Node", "124px", (p) => shortId(p.id), { className: "id", hint: (p) => p.id }),
      text("Client", "auto", (p) => foreign(p.name) || "–", { hint: (p) => foreign(p.name, 300) }),
      text("Address", "160px", (p) => p.network.remoteAddress, { className: "id", hint: (p) => p.network.remoteAddress }),
      text("Protocols", "170px", (p) => foreign(p.caps.join(" ")), { hint: (p) => foreign(p.caps.join(" "), 600) }),
      text("Kind", "108px", kind),
      amount("Age", "72px", (p) => p.connectedSeconds, duration),
      amount("In/s", "84px", (p) => p.rateIn, rate),
      amount("Out/s", "84px", (p) => p.rateOut, rate),
      amount("Total", "76px", (p) => (p.traffic ? p.traffic.bytesIn + p.traffic.bytesOut : NaN), bytes),
      amount("Score", "58px", (p) => p.score, score, { className: (p) => (p.score < 0 ? "num bad" : "num") }),
      {
        title: "Actions", hidden: true, width: "162px",
        buttons: [
          { text: "Drop", label: (p) => `Disconnect ${label(p)}`, act: (p) => actions.disconnect(p) },
          { text: (p) => (p.network.trusted ? "Untrust" : "Trust"), label: (p) => `${p.network.trusted ? "Remove trust from" : "Trust"} ${label(p)}`, act: (p) => actions.trust(p) },
          { text: "Ban", label: (p) => `Ban ${label(p)}`, act: (p) => actions.ban(p) },
        ],
      },
    ],
  });

  function show() {
    const words = byId("peer-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const isKind = kinds[byId("peer-kind").value] ?? (() => true);
    const shown = node.peers.filter((p) => isKind(p) && (words.length === 0 || matches(p, words)));
    table.setRows(shown);
    setField("peers-shown", shown.length === node.peers.length ? count(node.peers.length) : `${count(shown.length)} of ${count(node.peers.length)}`);
  }

  node.addEventListener("peers", () => schedule(show));
  byId("peer-filter").addEventListener("input", () => schedule(show));
  byId("peer-kind").addEventListener("change", () => schedule(show));
  return table;
}

/** Every word is somewhere in what the table shows, or in the whole id. */
function matches(peer, words) {
  const text = [peer.id, peer.name, peer.network.remoteAddress, peer.caps.join(" "), direction(peer), kind(peer)].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}
