// Attempts to reach other nodes, with the stage at which each ended and why; and one of the operator's own.

import { byId, field, schedule, setField, setText } from "../dom.js";
import { foreign, milliseconds, shortId, time } from "../format.js";
import { VirtualTable } from "../virtual-table.js";

const connectTimeout = 40_000;

/** The names of the stages for people, in their order. */
export const stages = {
  resolve: "resolve", connect: "connect", encryptionHandshake: "encryption", protocolHandshake: "hello", admitted: "admitted",
};

/** ●●●○○: how far it came. The stage where it ended is open unless it was passed. */
function progress(dial) {
  const names = Object.keys(stages);
  const reached = names.indexOf(dial.stage) + (dial.succeeded ? 1 : 0);
  return "●".repeat(Math.max(0, reached)) + "○".repeat(Math.max(0, names.length - reached));
}

export const describeDial = (dial) => `${stages[dial.stage] ?? dial.stage}: ${foreign(dial.reason, 200)}${dial.disconnectReason ? ` (${dial.disconnectReason})` : ""}`;

export function startDials(node) {
  const table = new VirtualTable(byId("dial-table"), {
    label: "Dial attempts, newest first",
    empty: "No attempt yet.",
    key: (d) => d.key,
    anchored: true,
    columns: [
      { title: "Time", width: "76px", text: (d) => time(d.at) },
      { title: "Node", width: "124px", className: "id", text: (d) => shortId(d.id), hint: (d) => d.enode },
      { title: "Stage", width: "156px", className: (d) => (d.succeeded ? "good" : ""), text: (d) => `${progress(d)} ${stages[d.stage] ?? d.stage}` },
      { title: "Reason", width: "auto", text: (d) => foreign(d.reason, 200) + (d.disconnectReason && !d.reason.includes(d.disconnectReason) ? ` (${d.disconnectReason})` : ""),
        hint: (d) => `${foreign(d.reason, 300)}\n${d.remote ?? ""}` },
      { title: "Took", width: "66px", className: "num", text: (d) => milliseconds(d.durationMs) },
    ],
  });

  function show() {
    const isFailedOnly = byId("dials-failed").checked;
    const shown = isFailedOnly ? node.dials.filter((d) => !d.succeeded) : node.dials;
    table.setRows(shown);
    const failed = node.dials.reduce((n, d) => n + (d.succeeded ? 0 : 1), 0);
    setField("dials-shown", `${node.dials.length} latest, ${failed} failed`);
  }

  node.addEventListener("dials", () => schedule(show));
  byId("dials-failed").addEventListener("change", () => schedule(show));
  schedule(show);

  byId("connect").addEventListener("submit", async (e) => {
    e.preventDefault();
    const url = byId("connect-url").value.trim();
    if (!url) return;
    const outcome = field("connect-outcome");
    outcome.className = "outcome note";
    setText(outcome, "Connecting …");
    try {
      const dial = await node.act("devp2p_connect", [url], connectTimeout);
      outcome.className = dial.succeeded ? "outcome good" : "outcome bad";
      setText(outcome, `${shortId(dial.id)}: ${describeDial(dial)}, after ${milliseconds(dial.durationMs)}${dial.succeeded ? "" : ". It is dialed further."}`);
      if (dial.succeeded) byId("connect-url").value = "";
    } catch (error) {
      outcome.className = "outcome bad";
      setText(outcome, foreign(error.message, 300));
    }
  });
}
