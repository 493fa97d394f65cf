// Ten minutes of traffic on a canvas: what comes in above the line, what goes out below, protocols stacked. Drawn once per sample.

import { schedule, setText } from "./dom.js";
import { bytes, foreign, rate, time } from "./format.js";
import { TrafficHistory } from "./history.js";

const left = 74;
const bottom = 16;
/** Samples further apart than this are not joined. */
const gap = 15_000;

export class TrafficChart {
  #canvas;
  #readout;
  #history;
  #colourOf;
  #size = { width: 0, height: 0 };
  #at = null;
  #draw = () => this.draw();

  constructor(canvas, readout, history, colourOf) {
    this.#canvas = canvas;
    this.#readout = readout;
    this.#history = history;
    this.#colourOf = colourOf;
    new ResizeObserver(([entry]) => {
      this.#size = { width: entry.contentRect.width, height: entry.contentRect.height };
      schedule(this.#draw);
    }).observe(canvas);
    canvas.addEventListener("pointermove", (e) => this.#point(e.offsetX));
    canvas.addEventListener("pointerleave", () => this.#choose(null));
    canvas.addEventListener("blur", () => this.#choose(null));
    canvas.addEventListener("keydown", (e) => this.#key(e));
  }

  /** Call it from schedule. */
  draw() {
    const { width, height } = this.#size;
    if (width < left + 10 || height < 40) return;
    const scale = devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * scale) || this.#canvas.height !== Math.round(height * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name);
    const samples = this.#history.samples;
    const end = samples.at(-1)?.at ?? Date.now();
    const start = end - TrafficHistory.span;
    const x = (at) => left + ((at - start) / TrafficHistory.span) * (width - left);
    const middle = (height - bottom) / 2;
    const sum = (map) => [...map.values()].reduce((a, b) => a + b, 0);
    const top = niceCeiling(samples.reduce((most, s) => Math.max(most, sum(s.in), sum(s.out)), 0));
    const room = middle - 4;

    this.#drawAxes(context, { width, height, middle, room, top, x, start, end, colour });
    for (const [direction, sign] of [["in", -1], ["out", 1]]) {
      const base = new Float64Array(samples.length);
      for (const protocol of this.#history.protocols) {
        context.fillStyle = colour(`--series-${this.#colourOf(protocol)}`);
        for (const [from, to] of runs(samples)) {
          context.beginPath();
          for (let i = from; i < to; i++) context.lineTo(x(samples[i].at), middle + (sign * base[i] * room) / top);
          for (let i = to - 1; i >= from; i--) {
            base[i] += samples[i][direction].get(protocol) ?? 0;
            context.lineTo(x(samples[i].at), middle + (sign * base[i] * room) / top);
          }
          context.fill();
        }
      }
    }
    context.fillStyle = colour("--edge");
    context.fillRect(left, Math.round(middle), width - left, 1);
    this.#drawChosen(context, x, height, colour);
  }

  #drawAxes(context, { width, height, middle, room, top, x, start, end, colour }) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const [share, text] of [[-1, rate(top)], [-0.5, rate(top / 2)], [0, "0"], [0.5, rate(top / 2)], [1, rate(top)]]) {
      const y = Math.round(middle + share * room);
      context.fillStyle = colour("--line");
      context.fillRect(left, y, width - left, 1);
      context.fillStyle = colour("--muted");
      context.fillText(text, left - 6, y);
    }
    context.textBaseline = "alphabetic";
    const minute = 60_000;
    for (let at = Math.ceil(start / (2 * minute)) * 2 * minute; at <= end; at += 2 * minute) {
      context.fillStyle = colour("--line");
      context.fillRect(Math.round(x(at)), 0, 1, height - bottom);
      context.fillStyle = colour("--muted");
      context.textAlign = x(at) > width - 20 ? "right" : x(at) < left + 16 ? "left" : "center";
      context.fillText(time(at).slice(0, 5), x(at), height - 3);
    }
  }

  #drawChosen(context, x, height, colour) {
    const sample = this.#chosen;
    if (sample) {
      context.fillStyle = colour("--text");
      context.fillRect(Math.round(x(sample.at)), 0, 1, height - bottom);
    }
    setText(this.#readout, sample ? describe(sample, this.#history.protocols) : "");
  }

  get #chosen() {
    return this.#at === null ? null : this.#history.samples.reduce((best, s) => (!best || Math.abs(s.at - this.#at) < Math.abs(best.at - this.#at) ? s : best), null);
  }

  #point(offset) {
    const end = this.#history.latest?.at;
    if (end === undefined) return;
    this.#choose(end - TrafficHistory.span * (1 - (offset - left) / Math.max(1, this.#size.width - left)));
  }

  #key(event) {
    const samples = this.#history.samples;
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || samples.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const now = this.#chosen ? samples.indexOf(this.#chosen) : samples.length;
    this.#choose(samples[Math.max(0, Math.min(samples.length - 1, now + moves[event.key]))].at);
  }

  #choose(at) {
    this.#at = at;
    schedule(this.#draw);
  }
}

/** From and to of samples that belong together. */
function* runs(samples) {
  let from = 0;
  for (let i = 1; i <= samples.length; i++) {
    if (i === samples.length || samples[i].at - samples[i - 1].at > gap) {
      yield [from, i];
      from = i;
    }
  }
}

/** The next of 1, 2, 5 times a power of ten, in the unit that is shown; at least 1 KiB. */
function niceCeiling(value) {
  let unit = 1024;
  while (value >= 1000 * unit && unit < 2 ** 50) unit *= 1024;
  const scaled = Math.max(1, value / unit);
  const power = 10 ** Math.floor(Math.log10(scaled));
  return [1, 2, 5, 10].find((n) => n * power >= scaled - 1e-9) * power * unit;
}

function describe(sample, protocols) {
  const parts = protocols
    .map((p) => [p, sample.in.get(p) ?? 0, sample.out.get(p) ?? 0])
    .filter(([, i, o]) => i > 0 || o > 0)
    .map(([p, i, o]) => `${foreign(p, 40)} ${bytes(i)} in, ${bytes(o)} out`);
  return `${time(sample.at)}, per second: ${parts.join("; ") || "nothing"}`;
}
