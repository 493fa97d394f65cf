// Why connections did not become peers, and why peers went: the counters of devp2p_status.

import { byId, make, schedule, setChildren, setField, setText } from "../dom.js";
import { count, foreign } from "../format.js";

/** More reasons than the node can have: they come from fixed sets. */
const maxReasons = 300;

export function startDrops(node) {
  const draw = () => {
    const { counters } = node.status;
    for (const name of ["accepted", "dialed", "offered", "added"]) setField(name, count(counters[name]));
    show(byId("dropped"), counters.dropped);
    show(byId("refused"), counters.refused);
  };
  node.addEventListener("status", () => schedule(draw));
}

function show(table, reasons) {
  const rows = Object.entries(reasons ?? {}).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, maxReasons);
  const most = rows[0]?.[1] ?? 1;
  setChildren(table.tBodies[0], rows.length > 0 ? rows : [["none", NaN]], createRow, (tr, [reason, n]) => {
    const [fill, text] = tr.firstElementChild.children;
    const width = Number.isFinite(n) ? `${Math.max(1, (100 * n) / most).toFixed(1)}%` : "0";
    if (fill.style.width !== width) fill.style.width = width;
    setText(text, foreign(reason, 200));
    setText(tr.lastElementChild, Number.isFinite(n) ? count(n) : "");
  });
}

const createRow = () => make("tr", {},
  make("td", {}, make("span", { className: "bar-fill", "aria-hidden": "true" }), make("span", { className: "bar-text" })),
  make("td", { className: "num" }));
