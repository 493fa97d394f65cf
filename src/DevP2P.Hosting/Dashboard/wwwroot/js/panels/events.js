// All that happens, newest first.

import { byId, schedule, setAttribute, setField, setText } from "../dom.js";
import { count, foreign, milliseconds, shortId, time, when } from "../format.js";
import { VirtualTable } from "../virtual-table.js";
import { describeDial } from "./dials.js";

const words = {
  peerAdded: "peer added", peerDropped: "peer dropped", dial: "dial", lagged: "lagged", limits: "limits",
  banned: "banned", unbanned: "unbanned", connected: "connected", connectionLost: "connection lost",
};

const kindOf = (e) => (e.type.startsWith("peer") ? "peer" : e.type === "dial" ? "dial" : e.type.endsWith("banned") ? "ban" : "other");

const classOf = (e) => {
  if (e.type === "peerAdded" || (e.type === "dial" && e.succeeded)) return "good";
  return e.type === "connectionLost" || e.type === "banned" || e.type === "lagged" ? "warn" : "";
};

function describe(e) {
  switch (e.type) {
    case "peerAdded": return foreign(e.remote);
    case "peerDropped": return `${e.isRemote ? "remote: " : ""}${foreign(e.reason ?? e.error, 200)}${e.remote ? `, ${foreign(e.remote)}` : ""}`;
    case "dial": return `${describeDial(e)}, ${milliseconds(e.durationMs)}`;
    case "lagged": return `${count(e.missed)} events were lost: the page was too slow`;
    case "limits": return Object.entries(e.limits ?? {}).map(([name, value]) => `${name} ${value ?? "none"}`).join(", ");
    case "banned": return `${e.until ? `until ${when(e.until)}` : "for good"}${e.reason ? `: ${foreign(e.reason, 200)}` : ""}`;
    case "connected": return "this page is connected to the node";
    case "connectionLost": return "what happens until the next connection is not shown here";
    default: return "";
  }
}

const textOf = (e) => {
  // Made once: filters look at all of them.
  e.line ??= describe(e);
  return e.line;
};

export function startEvents(node) {
  let held = null;
  const table = new VirtualTable(byId("event-table"), {
    label: "Events, newest first",
    empty: "Nothing has happened yet, or nothing passes the filter.",
    key: (e) => e.at,
    anchored: true,
    columns: [
      { title: "Time", width: "76px", text: (e) => time(e.at) },
      { title: "Event", width: "112px", className: classOf, text: (e) => words[e.type] ?? foreign(e.type, 40) },
      { title: "Node", width: "124px", className: "id", text: (e) => shortId(e.peer ?? e.id), hint: (e) => e.peer ?? e.id ?? null },
      { title: "What", width: "auto", text: textOf, hint: textOf },
    ],
  });

  function show() {
    const all = held ?? node.events;
    const kind = byId("event-kind").value;
    const wanted = byId("event-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = kind || wanted.length > 0 ? all.filter((e) => (!kind || kindOf(e) === kind) && matches(e, wanted)) : all;
    table.setRows(shown === node.events ? [...shown] : shown);
    const fresh = held ? freshSince(node.events, held[0]) : 0;
    setField("events-shown", `${count(shown.length)}${shown.length === all.length ? "" : ` of ${count(all.length)}`}${held ? `, paused, ${count(fresh)} new` : ""}`);
  }

  function togglePause() {
    held = held ? null : [...node.events];
    setText(byId("event-pause"), held ? "Resume" : "Pause");
    setAttribute(byId("event-pause"), "aria-pressed", String(held !== null));
    schedule(show);
  }

  node.addEventListener("events", () => schedule(show));
  byId("event-filter").addEventListener("input", () => schedule(show));
  byId("event-kind").addEventListener("change", () => schedule(show));
  byId("event-pause").addEventListener("click", togglePause);
  byId("event-clear").addEventListener("click", () => {
    if (held) togglePause();
    node.clearEvents();
  });
  return { togglePause };
}

function matches(event, wanted) {
  const text = `${words[event.type] ?? event.type}\n${event.peer ?? event.id ?? ""}\n${textOf(event)}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

function freshSince(events, newest) {
  const index = newest ? events.indexOf(newest) : events.length;
  return index >= 0 ? index : events.length;
}
