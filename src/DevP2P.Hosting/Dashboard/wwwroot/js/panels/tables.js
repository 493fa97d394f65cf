// Routing tables, drawn as buckets: a row each, a mark for every node. The distances that a bucket is for stand before it, the farthest first.

import { byId, field, make, schedule, setAttribute, setChildren, setClass, setField, setText } from "../dom.js";
import { count, duration, shortId, time } from "../format.js";

/** Empty buckets are drawn only where there are few of them (v4 and v5.1 have 17, the legacy version 256). */
const maxEmptyBuckets = 20;

export function startTables(node) {
  const grid = byId("buckets");
  const tabs = [...document.querySelectorAll("[role=tab]")];
  let active = null;

  function show() {
    for (const tab of tabs) {
      const isOn = tab.dataset.version === node.tableVersion;
      setAttribute(tab, "aria-selected", String(isOn));
      tab.tabIndex = isOn ? 0 : -1;
      tab.disabled = node.status ? !node.status.discovery[tab.dataset.version] && !isOn : false;
    }
    setAttribute(byId("table-view"), "aria-labelledby", `tab-${node.tableVersion}`);
    const table = node.table;
    const message = table ? "" : node.tableProblem || (node.missing.has("devp2p_table") ? "This node does not show its tables." : "Asking …");
    field("table-message").hidden = message === "";
    setField("table-message", message);
    const buckets = (table?.buckets ?? []).filter((b) => b.nodes.length + b.replacements.length > 0 || table.buckets.length <= maxEmptyBuckets);
    buckets.sort((a, b) => b.maxDistance - a.maxDistance);
    const live = buckets.reduce((n, b) => n + b.nodes.filter((x) => x.live).length, 0);
    const spare = buckets.reduce((n, b) => n + b.replacements.length, 0);
    setField("table-note", table ? `${count(table.count)} nodes, ${count(live)} answer, ${count(spare)} replacements` : "");
    setChildren(grid, buckets, createBucket, showBucket);
    if (!active?.isConnected) active = grid.querySelector(".node");
    if (active) active.tabIndex = 0;
    describe(document.activeElement?.closest?.("#buckets .node"));
  }

  function createBucket() {
    return make("div", { className: "bucket", role: "row" },
      make("span", { role: "rowheader" }), make("span", { className: "count", role: "gridcell" }), make("span", { className: "cells", role: "presentation" }));
  }

  function showBucket(row, bucket) {
    const [head, total, cells] = row.children;
    setText(head, bucket.minDistance === bucket.maxDistance ? bucket.maxDistance : `${bucket.minDistance}–${bucket.maxDistance}`);
    setText(total, bucket.nodes.length);
    const items = [...bucket.nodes.map((n) => [n, false]), ...bucket.replacements.map((n) => [n, true])];
    setChildren(cells, items, () => make("span", { role: "gridcell", tabIndex: -1 }), (cell, [n, isSpare]) => {
      cell.node = n;
      cell.isSpare = isSpare;
      setClass(cell, `node${n.live ? " live" : ""}${isSpare ? " spare" : ""}`);
      setAttribute(cell, "aria-label", `${shortId(n.id)}, ${isSpare ? "replacement, " : ""}${n.live ? "answers" : "not yet proven"}, ${n.ip}`);
    });
  }

  function describe(cell) {
    const n = cell?.node;
    if (!n) return;
    const ports = n.tcp ? `tcp ${n.tcp}, udp ${n.udp}` : `udp ${n.udp}`;
    setText(field("table-node"), `${n.id}  ${n.ip} ${ports}; ${cell.isSpare ? "replacement; " : ""}${n.live ? "answers" : "not yet proven"}, ${n.checks ?? 0} checks${n.failedQueries ? `, ${n.failedQueries} failed queries` : ""}`
      + `${n.addedAt ? `, added ${duration((Date.now() - Date.parse(n.addedAt)) / 1000)} ago` : ""}${n.lastSeenAt ? `, seen ${time(n.lastSeenAt)}` : ""}`);
  }

  function activate(cell) {
    if (!cell) return;
    if (active) active.tabIndex = -1;
    active = cell;
    cell.tabIndex = 0;
    describe(cell);
  }

  grid.addEventListener("pointerover", (e) => describe(e.target.closest(".node")));
  grid.addEventListener("focusin", (e) => activate(e.target.closest(".node")));
  grid.addEventListener("click", (e) => e.target.closest(".node")?.focus());
  grid.addEventListener("keydown", (e) => {
    const cell = e.target.closest(".node");
    if (!cell || e.ctrlKey || e.metaKey || e.altKey) return;
    const all = [...grid.querySelectorAll(".node")];
    const row = cell.closest(".bucket");
    const column = [...cell.parentElement.children].indexOf(cell);
    const vertical = (sibling) => {
      let other = row[sibling];
      while (other && other.lastElementChild.children.length === 0) other = other[sibling];
      return other && other.lastElementChild.children[Math.min(column, other.lastElementChild.children.length - 1)];
    };
    const moves = {
      ArrowRight: () => all[all.indexOf(cell) + 1],
      ArrowLeft: () => all[all.indexOf(cell) - 1],
      ArrowDown: () => vertical("nextElementSibling"),
      ArrowUp: () => vertical("previousElementSibling"),
      Home: () => all[0],
      End: () => all.at(-1),
    };
    if (e.key in moves) {
      e.preventDefault();
      moves[e.key]()?.focus();
    }
  });

  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      if (tab.dataset.version === node.tableVersion) return;
      setText(field("table-node"), "Point at a node, or move to it with the arrow keys.");
      node.setTableVersion(tab.dataset.version);
    });
    tab.addEventListener("keydown", (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step) return;
      e.preventDefault();
      const usable = tabs.filter((t) => !t.disabled);
      const next = usable[(usable.indexOf(tab) + step + usable.length) % usable.length];
      next.focus();
      next.click();
    });
  }
  let isChosen = false;
  node.addEventListener("tables", () => schedule(show));
  node.addEventListener("missing", () => schedule(show));
  node.addEventListener("status", () => {
    // The first version that runs is shown first.
    if (!isChosen) {
      isChosen = true;
      const first = tabs.find((tab) => node.status.discovery[tab.dataset.version]);
      if (first && first.dataset.version !== node.tableVersion) node.setTableVersion(first.dataset.version);
    }
    schedule(show);
  });
}
