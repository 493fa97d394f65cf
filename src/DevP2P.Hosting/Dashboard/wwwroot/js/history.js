// Rates by protocol, over the last ten minutes. Times are kept with the samples: a page in the background is woken when the browser likes.

const span = 10 * 60 * 1000;
const maxSamples = 400;
const maxProtocols = 32;
/** Longer than this without a sample is a gap, not a slow sample. */
const maxStep = 70_000;

export class TrafficHistory {
  /** Oldest first: { at, seconds, in: Map, out: Map } of bytes a second by protocol; seconds is how long they held. */
  samples = [];
  /** The last answer, in the order in which protocols were first seen. */
  totals = [];
  #order = [];
  #last = null;

  /** How far back the samples go, in milliseconds. */
  static get span() { return span; }

  add(at, traffic) {
    const now = new Map(traffic.slice(0, maxProtocols).map((t) => [t.protocol, t]));
    for (const protocol of now.keys()) {
      if (!this.#order.includes(protocol) && this.#order.length < maxProtocols) this.#order.push(protocol);
    }
    this.totals = this.#order.filter((protocol) => now.has(protocol)).map((protocol) => now.get(protocol));

    const last = this.#last;
    const step = last ? at - last.at : 0;
    // Two answers at nearly the same time would give rates of chance.
    if (last && step < 500 && step >= 0) return;
    this.#last = { at, now };
    if (!last || step <= 0 || step > maxStep) return;
    const sample = { at, seconds: step / 1000, in: new Map(), out: new Map() };
    for (const [protocol, t] of now) {
      const before = last.now.get(protocol);
      sample.in.set(protocol, Math.max(0, t.wireBytesIn - (before?.wireBytesIn ?? 0)) / sample.seconds);
      sample.out.set(protocol, Math.max(0, t.wireBytesOut - (before?.wireBytesOut ?? 0)) / sample.seconds);
    }
    this.samples.push(sample);
    while (this.samples.length > maxSamples || this.samples[0].at < at - span) this.samples.shift();
  }

  /** What comes next is not to be compared with what was: the node may have been started anew. */
  interrupt() {
    this.#last = null;
  }

  /** The place of a protocol among all that were seen: its colour. */
  indexOf(protocol) {
    return this.#order.indexOf(protocol);
  }

  get protocols() {
    return this.#order;
  }

  get latest() {
    return this.samples.at(-1) ?? null;
  }
}
