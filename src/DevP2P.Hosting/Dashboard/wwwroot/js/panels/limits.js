// The limits, and changing them. What is being typed is not overwritten by what comes from the node.

import { byId, field, schedule, setText } from "../dom.js";
import { bytes, foreign } from "../format.js";

const names = ["maxPeers", "uploadBytesPerSecond", "downloadBytesPerSecond", "peerUploadBytesPerSecond", "peerDownloadBytesPerSecond"];
const input = (name) => byId(`limit-${name}`);

export function startLimits(node) {
  let isEdited = false;

  function show() {
    const limits = node.status?.limits;
    if (!limits || isEdited) return;
    for (const name of names) {
      const text = limits[name] === null || limits[name] === undefined ? "" : String(limits[name]);
      if (input(name).value !== text) input(name).value = text;
    }
    explain();
  }

  function explain() {
    for (const name of names) {
      const value = read(name);
      const text = Number.isNaN(value) ? "a whole number" : name === "maxPeers" ? (value === null ? "needed" : "at most") : value === null ? "no limit" : `${bytes(value)}/s`;
      const isWrong = Number.isNaN(value) || (name === "maxPeers" && value === null);
      input(name).setAttribute("aria-invalid", String(isWrong));
      const output = input(name).nextElementSibling;
      output.className = isWrong ? "bad" : "";
      setText(output, text);
    }
    byId("limits-apply").disabled = !isEdited || names.some((name) => input(name).getAttribute("aria-invalid") === "true");
    byId("limits-reset").disabled = !isEdited;
  }

  byId("limits-form").addEventListener("input", () => {
    isEdited = true;
    field("limits-outcome").textContent = "";
    explain();
  });
  byId("limits-reset").addEventListener("click", () => {
    isEdited = false;
    show();
  });
  byId("limits-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    if (byId("limits-apply").disabled) return;
    const outcome = field("limits-outcome");
    try {
      const limits = await node.act("devp2p_setLimits", [Object.fromEntries(names.map((name) => [name, read(name)]))]);
      node.status.limits = limits;
      isEdited = false;
      outcome.className = "outcome good";
      setText(outcome, "The limits hold from now on.");
    } catch (error) {
      outcome.className = "outcome bad";
      setText(outcome, foreign(error.message, 300));
    }
    show();
  });
  node.addEventListener("status", () => schedule(show));
}

/** The number; null if the field is empty; NaN if it is something else. */
function read(name) {
  const text = input(name).value.replace(/[\s,_]/g, "");
  if (text === "") return null;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : NaN;
}
