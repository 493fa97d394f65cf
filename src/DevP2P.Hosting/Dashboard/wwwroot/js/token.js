// The token that the node may demand. Kept by the tab, not by the browser; never part of a URL that is sent or stays in the history.

import { byId, field, setText } from "./dom.js";

const key = "devp2p.token";
let token = null;

function store(value) {
  token = value;
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // No storage: until the page is loaded anew.
  }
}

/** The token, or null. One in the URL's fragment, #token=..., is taken out of there. */
export function readToken() {
  const fromUrl = new URLSearchParams(location.hash.slice(1)).get("token");
  if (fromUrl !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    if (fromUrl) store(fromUrl);
  }
  if (token === null) {
    try {
      token = sessionStorage.getItem(key);
    } catch {
      // As above.
    }
  }
  return token || null;
}

/** Asks for it; connects with what was given. */
export function askToken(problem, connect) {
  const dialog = byId("token-dialog");
  const message = field("token-problem");
  setText(message, problem ? `${problem[0].toUpperCase()}${problem.slice(1)}.` : "");
  message.hidden = !problem;
  byId("token").value = "";
  byId("token-form").onsubmit = (e) => {
    e.preventDefault();
    store(byId("token").value.trim());
    dialog.close();
    connect();
  };
  if (!dialog.open) dialog.showModal();
}

// Without a token there is nothing behind the dialog.
byId("token-dialog").addEventListener("cancel", (e) => e.preventDefault());
