// Who is banned: devp2p_bans.

import { byId, schedule, setField } from "../dom.js";
import { count, duration, foreign, shortId, when } from "../format.js";
import { VirtualTable } from "../virtual-table.js";

const left = (ban) => (ban.until ? (Date.parse(ban.until) - Date.now()) / 1000 : Infinity);

export function startBans(node, actions) {
  const table = new VirtualTable(byId("ban-table"), {
    label: "Bans",
    empty: "Nobody is banned.",
    key: (ban) => ban.id,
    sort: { column: "Left", descending: false },
    columns: [
      { title: "Node", width: "124px", className: "id", text: (ban) => shortId(ban.id), hint: (ban) => ban.id, compare: (a, b) => (a.id < b.id ? -1 : 1) },
      { title: "Left", width: "84px", text: (ban) => (ban.until ? duration(left(ban)) : "for good"), hint: (ban) => `${when(ban.since)} – ${ban.until ? when(ban.until) : ""}`,
        compare: (a, b) => (a.until ?? "~").localeCompare(b.until ?? "~") },
      { title: "Reason", width: "auto", text: (ban) => `${ban.automatic ? "automatic: " : ""}${foreign(ban.reason, 200) || "–"}`, hint: (ban) => foreign(ban.reason, 300) },
      { title: "Actions", hidden: true, width: "76px", buttons: [{ text: "Unban", label: (ban) => `Unban ${shortId(ban.id)}`, act: (ban) => actions.unban(ban) }] },
    ],
    open: (ban) => actions.unban(ban),
  });

  const draw = () => {
    table.setRows(node.bans);
    setField("bans-shown", count(node.bans.length));
  };
  node.addEventListener("bans", () => schedule(draw));
  node.addEventListener("missing", () => {
    if (node.missing.has("devp2p_bans")) setField("bans-shown", "this node has no bans");
  });
  byId("ban-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    const id = byId("ban-id").value.trim();
    if (id && await actions.ban({ id })) byId("ban-id").value = "";
  });
}
