// Traffic by protocol: a table, and over it ten minutes of it.

import { byId, make, schedule, setChildren, setField, setText } from "../dom.js";
import { bytes, count, foreign, rate } from "../format.js";
import { TrafficChart } from "../chart.js";

const colours = 6;

export function startTraffic(node) {
  const chart = new TrafficChart(byId("chart"), byId("chart-readout"), node.traffic, (protocol) => node.traffic.indexOf(protocol) % colours);
  const body = byId("traffic-table").tBodies[0];

  function show() {
    const sample = node.traffic.latest;
    setChildren(body, node.traffic.totals, createRow, (tr, t) => {
      const [name, ...cells] = tr.children;
      const [swatch, text] = name.children;
      const className = `swatch swatch-${node.traffic.indexOf(t.protocol) % colours}`;
      if (swatch.className !== className) swatch.className = className;
      setText(text, foreign(t.protocol, 40));
      const values = [
        rate(sample?.in.get(t.protocol)), rate(sample?.out.get(t.protocol)), bytes(t.wireBytesIn), bytes(t.wireBytesOut), count(t.messagesIn), count(t.messagesOut),
      ];
      values.forEach((value, i) => setText(cells[i], value));
    });
    chart.draw();
  }

  node.addEventListener("traffic", () => schedule(show));
  node.addEventListener("missing", () => {
    if (node.missing.has("devp2p_trafficByProtocol")) setField("traffic-note", "this node does not count traffic");
  });
  document.addEventListener("themechange", () => schedule(show));
}

const createRow = () => make("tr", {},
  make("th", { scope: "row" }, make("span", { className: "swatch", "aria-hidden": "true" }), make("span")),
  ...Array.from({ length: 6 }, () => make("td", { className: "num" })));
