// Single keys, which can be turned off (WCAG 2.1.4).

import { byId, make } from "./dom.js";

const storage = "devp2p.keys";
const panels = { 1: "identity", 2: "reachability", 3: "traffic", 4: "peers", 5: "dials", 6: "tables", 7: "events", 8: "drops", 9: "limits", 0: "bans" };

export function startKeys({ peers, events }) {
  const help = byId("help-dialog");
  const enabled = byId("keys-enabled");
  try {
    enabled.checked = localStorage.getItem(storage) !== "off";
  } catch {
    // No storage: they work.
  }
  enabled.addEventListener("change", () => {
    try {
      localStorage.setItem(storage, enabled.checked ? "on" : "off");
    } catch {
      // As above.
    }
  });

  const goTo = (id) => {
    const panel = byId(id);
    panel.scrollIntoView({ block: "start" });
    panel.focus({ preventScroll: true });
  };
  const bindings = [
    { keys: ["/"], text: "Filter peers", run: () => byId("peer-filter").focus() },
    { keys: ["p"], text: "To the list of peers", run: () => { goTo("peers"); peers.focus(); } },
    { keys: ["f"], text: "Filter events", run: () => byId("event-filter").focus() },
    { keys: ["."], text: "Pause the event log, or go on", run: () => events.togglePause() },
    { keys: ["c"], text: "Connect to a node", run: () => byId("connect-url").focus() },
    { keys: ["t"], text: "Theme: system, light, dark", run: () => devp2pTheme.toggle() },
    { keys: ["?"], text: "These keys", run: () => help.showModal() },
    ...Object.entries(panels).map(([key, id]) => ({ keys: [key], text: byId(`${id}-title`).textContent, run: () => goTo(id) })),
  ];
  // Numbers sort before 1 to 9, then 0, as on a keyboard.
  bindings.push(bindings.splice(bindings.findIndex((b) => b.keys[0] === "0"), 1)[0]);
  const shown = [
    ...bindings,
    { keys: ["↑", "↓", "PgUp", "PgDn", "Home", "End"], text: "In a list: move" },
    { keys: ["Enter"], text: "In the list of peers: details, and what can be done" },
    { keys: ["←", "→"], text: "In the chart: back and forth in time; in routing tables: from node to node" },
    { keys: ["Esc"], text: "Close, or leave a filter" },
  ];
  byId("help-keys").append(...shown.flatMap((binding) => [
    make("dt", {}, ...binding.keys.flatMap((key, i) => (i === 0 ? [] : [" "]).concat(make("kbd", { textContent: key })))),
    make("dd", { textContent: binding.text }),
  ]));

  byId("help").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (e) => {
    const target = e.target;
    if (e.key === "Escape" && target.type === "search") {
      target.value = "";
      target.dispatchEvent(new Event("input"));
      target.blur();
      return;
    }
    if (!enabled.checked || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (target.closest("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog[open]")) return;
    const binding = bindings.find((b) => b.keys.includes(e.key));
    if (binding) {
      e.preventDefault();
      binding.run();
    }
  });
}
