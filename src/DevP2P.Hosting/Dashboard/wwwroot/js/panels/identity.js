// Who the node is, and where others reach it: from devp2p_status.

import { announce, byId, field, schedule, setField } from "../dom.js";
import { foreign } from "../format.js";

export function startIdentity(node) {
  const draw = () => show(node.status);
  node.addEventListener("status", () => schedule(draw));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button.dataset.copy));
  }
  byId("qr-of").addEventListener("change", () => node.status && showQr(node.status));
}

function show(status) {
  const { node } = status;
  setField("name", foreign(node.name, 300));
  for (const name of ["id", "enode", "enr"]) {
    setField(name, node[name] || "–");
    field(name).title = node[name] ?? "";
  }
  setField("version", status.version || "–");
  setField("protocols", foreign(Object.keys(node.protocols ?? {}).join(", "), 300) || "none");
  showQr(status);

  const reach = status.reachability;
  const advertised = reach.advertised ?? {};
  setField("listening", status.listening?.join("\n") || "not at all", status.listening?.length ? "" : "warn");
  setField("advertised4", endPoints(advertised.ip, advertised.tcp, advertised.udp));
  setField("advertised6", endPoints(advertised.ip6 && `[${advertised.ip6}]`, advertised.tcp6 ?? advertised.tcp, advertised.udp6 ?? advertised.udp));
  const nat = reach.nat;
  setField("nat", nat ? foreign(nat.method, 200) : "none", nat ? "" : "note");
  setField("external", nat ? foreign([nat.externalIp, nat.externalIp6].filter(Boolean).join(", "), 100) || "not known" : "–");
  setField("mappings", nat?.mappings?.map((m) => `${m.family} ${m.protocol} ${m.internalPort} → ${m.externalPort}`).join("\n") || (nat ? "none" : "–"));
  const problem = field("nat-problem");
  problem.hidden = !nat?.problem;
  setField("nat-problem", foreign(nat?.problem, 500));
  showClock(status.clockOffsetMs);
  setField("discovery", discovery(status.discovery));
}

function endPoints(address, tcp, udp) {
  if (!address) return "not advertised";
  return tcp === udp || !udp ? `${address} tcp ${tcp ?? "–"}${udp ? `, udp ${udp}` : ""}` : `${address} tcp ${tcp ?? "–"}, udp ${udp}`;
}

function showClock(offset) {
  // Packets of discovery expire after 20 s; from 10 s on a clock costs peers.
  if (offset === null || offset === undefined) setField("clock", "not checked", "note");
  else setField("clock", `${offset > 0 ? "+" : offset < 0 ? "−" : ""}${Math.abs(offset).toFixed(0)} ms`, Math.abs(offset) >= 10_000 ? "bad" : Math.abs(offset) >= 1000 ? "warn" : "good");
}

function discovery(d) {
  const parts = [];
  for (const [key, name, nodes] of [["v4", "v4", d.v4Nodes], ["v5", "v5", d.v5Nodes], ["legacy", "legacy", d.legacyNodes]]) {
    if (d[key]) parts.push(Number.isFinite(nodes) ? `${name} ${nodes} nodes` : name);
  }
  return parts.join(", ") || "off";
}

function showQr(status) {
  const what = byId("qr-of").value;
  const text = status.node[what];
  const image = byId("qr");
  image.hidden = !text;
  if (!text || image.dataset.text === text) return;
  image.dataset.text = text;
  image.src = `qr.svg?text=${encodeURIComponent(text)}`;
  image.alt = `QR code of this node's ${what === "enr" ? "record" : "enode URL"}`;
}

async function copy(name) {
  const source = field(name);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without TLS, from another computer, there is no clipboard: the old way.
    getSelection().selectAllChildren(source);
    if (!document.execCommand("copy")) {
      announce("The browser does not let this page copy: the text is selected");
      return;
    }
    getSelection().removeAllRanges();
  }
  announce("Copied");
}
