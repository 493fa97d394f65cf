// What the page knows of the node: asked for every two seconds, and told by events. All of it is bounded.

import { TrafficHistory } from "./history.js";

const interval = 2000;
const slowInterval = 5000;
const maxEvents = 2000;
const maxDials = 500;
const peersSoon = 400;

/**
 * Events: "status", "peers", "traffic", "tables", "bans", "dials", "events" — something new is there — and "missing" when a method
 * turned out not to exist (see missing).
 */
export class NodeModel extends EventTarget {
  status = null;
  peers = [];
  traffic = new TrafficHistory();
  table = null;
  tableProblem = "";
  tableVersion = "v4";
  bans = [];
  /** Newest first. */
  dials = [];
  /** Newest first. */
  events = [];
  /** Names of methods that this node does not have. */
  missing = new Set();
  #rpc;
  #round = 0;
  #timers = new Set();
  #lastPeers = new Map();
  #peersAt = 0;
  #soon = 0;
  #dialKeys = new Set();

  constructor(rpc) {
    super();
    this.#rpc = rpc;
    rpc.addEventListener("open", () => this.#start());
    rpc.addEventListener("close", () => this.#stop());
    rpc.addEventListener("notification", (e) => {
      if (e.detail.method === "devp2p_subscription") this.#take(e.detail.params?.result);
    });
  }

  /** Calls a method whose result is worth something at once: lists that it changes are asked for again. */
  async act(method, params, timeout) {
    const result = await this.#rpc.call(method, params, timeout);
    await Promise.allSettled([this.#pollPeers(), this.#pollStatus(), this.#pollBans()]);
    return result;
  }

  /** Asks once. */
  ask(method, params) {
    return this.#rpc.call(method, params);
  }

  setTableVersion(version) {
    this.tableVersion = version;
    this.table = null;
    this.tableProblem = "";
    this.#changed("tables");
    this.#pollTable().catch(() => {});
  }

  clearEvents() {
    this.events = [];
    this.#changed("events");
  }

  async #start() {
    const round = ++this.#round;
    this.missing.clear();
    this.#log({ at: new Date().toISOString(), type: "connected" });
    this.#repeat(round, interval, () => Promise.allSettled([this.#pollStatus(), this.#pollPeers(), this.#pollTraffic()]));
    this.#repeat(round, slowInterval, () => Promise.allSettled([this.#pollTable(), this.#pollBans()]));
    try {
      await this.#optional("devp2p_subscribe", ["events"]);
      for (const dial of ((await this.#optional("devp2p_dialHistory", [{ limit: 200 }])) ?? []).reverse()) this.#addDial(dial);
    } catch {
      // The connection was lost again, or the node has no such thing; the panels say so.
    }
  }

  #stop() {
    this.#round++;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearTimeout(this.#soon);
    this.#soon = 0;
    this.#lastPeers.clear();
    this.traffic.interrupt();
    this.#log({ at: new Date().toISOString(), type: "connectionLost" });
  }

  /** One after the other, with a pause between: a slow node is not asked more than it answers. */
  async #repeat(round, pause, poll) {
    await poll();
    if (round !== this.#round) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#repeat(round, pause, poll);
    }, pause);
    this.#timers.add(timer);
  }

  /** The result, or undefined if the node does not have the method. */
  async #optional(method, params = []) {
    if (this.missing.has(method)) return undefined;
    try {
      return await this.#rpc.call(method, params);
    } catch (error) {
      if (!error.isMissing) throw error;
      this.missing.add(method);
      this.#changed("missing");
      return undefined;
    }
  }

  async #pollStatus() {
    this.status = await this.#rpc.call("devp2p_status");
    this.#rpc.confirm();
    this.#changed("status");
  }

  async #pollPeers() {
    const peers = await this.#rpc.call("devp2p_peers");
    const now = performance.now();
    const seconds = (now - this.#peersAt) / 1000;
    // Two answers right after each other would give rates of chance.
    const isApart = seconds > 0.5;
    const last = new Map();
    for (const peer of peers) {
      const traffic = peer.traffic;
      const before = this.#lastPeers.get(peer.id);
      let rates = before?.rates ?? { rateIn: NaN, rateOut: NaN };
      if (traffic && before && isApart) {
        // A new connection of the same node counts from 0.
        rates = { rateIn: Math.max(0, traffic.bytesIn - before.bytesIn) / seconds, rateOut: Math.max(0, traffic.bytesOut - before.bytesOut) / seconds };
      }
      Object.assign(peer, rates);
      if (traffic) last.set(peer.id, isApart || !before ? { bytesIn: traffic.bytesIn, bytesOut: traffic.bytesOut, rates } : before);
    }
    if (isApart) this.#peersAt = now;
    this.#lastPeers = last;
    this.peers = peers;
    this.#changed("peers");
  }

  async #pollTraffic() {
    const traffic = await this.#optional("devp2p_trafficByProtocol");
    if (traffic) {
      this.traffic.add(Date.now(), traffic);
      this.#changed("traffic");
    }
  }

  async #pollTable() {
    const version = this.tableVersion;
    let table = null;
    let problem = "";
    try {
      table = (await this.#optional("devp2p_table", [version])) ?? null;
    } catch (error) {
      if (error.code === 0) return;
      problem = error.message;
    }
    if (version === this.tableVersion) {
      this.table = table;
      this.tableProblem = problem;
      this.#changed("tables");
    }
  }

  async #pollBans() {
    const bans = await this.#optional("devp2p_bans");
    if (bans) {
      this.bans = bans;
      this.#changed("bans");
    }
  }

  #take(event) {
    if (!event) return;
    this.#log(event);
    if (event.type === "dial") this.#addDial(event);
    else if (event.type === "banned" || event.type === "unbanned") this.#pollBans().catch(() => {});
    else if (event.type === "limits") this.#pollStatus().catch(() => {});
    else if (event.type !== "dial" && this.#soon === 0) {
      // Many may come and go at once: asked for once.
      this.#soon = setTimeout(() => {
        this.#soon = 0;
        Promise.allSettled([this.#pollPeers(), this.#pollStatus()]);
      }, peersSoon);
    }
  }

  #log(event) {
    this.events.unshift(event);
    if (this.events.length > maxEvents) this.events.length = maxEvents;
    this.#changed("events");
  }

  #addDial(dial) {
    // The history and the events may both have it.
    const key = `${dial.at} ${dial.id} ${dial.durationMs}`;
    if (this.#dialKeys.has(key)) return;
    this.#dialKeys.add(key);
    dial.key = key;
    this.dials.unshift(dial);
    while (this.dials.length > maxDials) this.#dialKeys.delete(this.dials.pop().key);
    this.#changed("dials");
  }

  #changed(what) {
    this.dispatchEvent(new Event(what));
  }
}
