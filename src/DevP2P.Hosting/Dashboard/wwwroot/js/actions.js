// What can be done to a peer, each after a question. The node's own words say what became of it.

import { announce, byId, make, setChildren, setText } from "./dom.js";
import { bytes, count, duration, foreign, score, shortId, when } from "./format.js";

const nameOf = (peer) => (peer.name ? `${foreign(peer.name, 60)} (${shortId(peer.id)})` : shortId(peer.id));

export class PeerActions {
  #node;
  #shown = null;

  constructor(node) {
    this.#node = node;
    const details = byId("peer-details");
    byId("details-close").addEventListener("click", () => details.close());
    for (const action of ["disconnect", "trust", "ban"]) {
      byId(`details-${action}`).addEventListener("click", async () => {
        if (await this[action](this.#shown)) details.close();
      });
    }
    details.addEventListener("close", () => { this.#shown = null; });
  }

  disconnect(peer) {
    return this.#act({
      title: `Disconnect ${nameOf(peer)}?`,
      text: "It is no longer dialed, and for a minute it is not let in either.",
      node: peer.id,
      yes: "Disconnect",
      method: "devp2p_disconnect",
      params: () => [peer.id],
      done: (was) => (was ? `Disconnected ${nameOf(peer)}` : `${nameOf(peer)} was not connected any more`),
    });
  }

  /** Trust, or take it away. */
  trust(peer) {
    const isTrusted = peer.network.trusted;
    return this.#act({
      title: isTrusted ? `No longer trust ${nameOf(peer)}?` : `Trust ${nameOf(peer)}?`,
      text: isTrusted ? "It stays connected, and from now on all limits hold for it." : "It may connect at any time, whatever the limits.",
      node: peer.id,
      yes: isTrusted ? "Remove trust" : "Trust",
      method: isTrusted ? "admin_removeTrustedPeer" : "admin_addTrustedPeer",
      params: () => [peer.enode],
      done: () => (isTrusted ? `${nameOf(peer)} is no longer trusted` : `${nameOf(peer)} is trusted`),
    });
  }

  /** Takes a peer, or anything with an id: that may be an enode URL, too. */
  ban(peer) {
    return this.#act({
      title: `Ban ${nameOf(peer)}?`,
      text: "It is disconnected, not dialed, and not let in.",
      node: peer.id,
      yes: "Ban",
      isBan: true,
      method: "devp2p_banPeer",
      params: ({ seconds, reason }) => [peer.id, seconds, reason],
      done: (ban) => `Banned ${nameOf(peer)} ${ban?.until ? `until ${when(ban.until)}` : "for good"}`,
    });
  }

  unban(ban) {
    return this.#act({
      title: `Unban ${shortId(ban.id)}?`,
      text: ban.reason ? `It was banned because: ${foreign(ban.reason, 200)}` : "It may connect and be dialed again.",
      node: ban.id,
      yes: "Unban",
      method: "devp2p_unbanPeer",
      params: () => [ban.id],
      done: (was) => (was ? `${shortId(ban.id)} is no longer banned` : `${shortId(ban.id)} was not banned any more`),
    });
  }

  /** All that is known of a peer, with its reputation, and what can be done. */
  async show(peer) {
    this.#shown = peer;
    setText(byId("peer-details-title"), nameOf(peer));
    setText(byId("details-trust"), peer.network.trusted ? "Remove trust…" : "Trust…");
    const facts = [
      ["Node id", peer.id],
      ["Enode", peer.enode],
      ["Record", peer.enr ?? "–"],
      ["Name", foreign(peer.name, 300) || "–"],
      ["Remote", peer.network.remoteAddress],
      ["Local", peer.network.localAddress],
      ["Direction", peer.network.inbound ? "inbound" : "outbound"],
      ["Kind", [peer.network.static && "static", peer.network.trusted && "trusted"].filter(Boolean).join(", ") || "–"],
      ["Connected for", duration(peer.connectedSeconds)],
      ["Speaks", foreign(peer.caps.join(", "), 600)],
      ["Runs", foreign(describe(peer.protocols), 600) || "–"],
      ["Traffic", peer.traffic
        ? `in ${bytes(peer.traffic.bytesIn)}, ${count(peer.traffic.messagesIn)} messages; out ${bytes(peer.traffic.bytesOut)}, ${count(peer.traffic.messagesOut)} messages` : "–"],
      ["Score", score(peer.score)],
    ];
    byId("peer-facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
    this.#showReputation([], "asking …");
    if (!byId("peer-details").open) byId("peer-details").showModal();
    try {
      const reputation = await this.#node.ask("devp2p_reputation", [peer.id]);
      if (this.#shown === peer) this.#showReputation(reputation.facts, "no facts yet");
    } catch (error) {
      if (this.#shown === peer) this.#showReputation([], error.message);
    }
  }

  #showReputation(facts, empty) {
    const rows = facts.length > 0 ? facts.slice(0, 100).map((f) => [when(f.at), score(f.points), foreign(f.reason, 200)]) : [["", "", empty]];
    setChildren(byId("reputation").tBodies[0], rows, () => make("tr", {}, make("td"), make("td", { className: "num" }), make("td")),
      (tr, row) => row.forEach((text, i) => setText(tr.children[i], text)));
  }

  /** Asks, does, and says what became of it. False if the answer was no, or the node refused. */
  async #act(action) {
    const answer = await this.#ask(action);
    if (!answer) return false;
    try {
      announce(action.done(await this.#node.act(action.method, action.params(answer))));
      return true;
    } catch (error) {
      announce(`${action.yes} failed: ${error.message}`);
      return false;
    }
  }

  #ask({ title, text, node, yes, isBan }) {
    const dialog = byId("confirm");
    setText(byId("confirm-title"), title);
    setText(byId("confirm-text"), text);
    setText(byId("confirm-node").firstElementChild, node);
    setText(byId("confirm-yes"), yes);
    byId("confirm-ban").hidden = !isBan;
    byId("ban-duration").value = "3600";
    byId("ban-reason").value = "";
    dialog.returnValue = "";
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" && {
        seconds: byId("ban-duration").value === "" ? null : Number(byId("ban-duration").value),
        reason: byId("ban-reason").value.trim(),
      }), { once: true });
      dialog.showModal();
      // What changes nothing has the focus first.
      byId("confirm-no").focus();
    });
  }
}

/** { eth: { version: 68 } } as one line. */
function describe(protocols) {
  return Object.entries(protocols ?? {}).map(([name, info]) => `${name}: ${typeof info === "string" ? info : JSON.stringify(info)}`).join("; ");
}
