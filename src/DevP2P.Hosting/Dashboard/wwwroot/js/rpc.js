// JSON-RPC over one WebSocket, which is opened again whenever it is lost.

const firstDelay = 500;
const maxDelay = 30_000;
const openTimeout = 10_000;
const callTimeout = 15_000;

/** What the node answered instead of a result, or why there was no answer (code 0). */
export class RpcError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  /** The node does not know the method. */
  get isMissing() { return this.code === -32601; }
}

/**
 * Events: "state" (see state), "open" and "close" of a connection, and "notification" with detail {method, params}.
 * States: connecting; open; waiting, with retryAt and problem; token, when the node demands one, or another one.
 */
export class RpcClient extends EventTarget {
  state = "connecting";
  problem = "";
  retryAt = 0;
  #url;
  #getToken;
  #socket = null;
  #timer = 0;
  #failures = 0;
  #nextId = 1;
  #calls = new Map();

  /** @param url The page's own "/", http or https. @param getToken Gives the token or null. */
  constructor(url, getToken) {
    super();
    this.#url = url;
    this.#getToken = getToken;
    // What was lost while the computer slept is not worth waiting for.
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.retry(); });
  }

  /** Connects now, unless a connection is there or under way. */
  retry() {
    if (this.state === "waiting") this.connect();
  }

  connect() {
    clearTimeout(this.#timer);
    this.#setState("connecting");
    const url = new URL(this.#url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = this.#getToken();
    let socket;
    try {
      socket = new WebSocket(url, token ? ["devp2p", `devp2p.token.${token}`] : []);
    } catch {
      this.#setState("token", "this token has characters that a browser cannot send");
      return;
    }

    this.#socket = socket;
    let isOpen = false;
    this.#timer = setTimeout(() => socket.close(), openTimeout);
    socket.onopen = () => {
      isOpen = true;
      clearTimeout(this.#timer);
      this.#setState("open");
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      clearTimeout(this.#timer);
      this.#socket = null;
      this.#fail("the connection is lost");
      if (isOpen) {
        this.dispatchEvent(new Event("close"));
        this.#wait("connection lost");
      } else {
        this.#findOut();
      }
    };
  }

  /** Calls a method. Rejects with RpcError. */
  call(method, params = [], timeout = callTimeout) {
    if (this.state !== "open") return Promise.reject(new RpcError(0, "not connected"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        reject(new RpcError(0, `no answer to ${method}`));
        // Half a connection: the computer slept, or a firewall forgot it.
        this.#socket?.close();
      }, timeout);
      this.#calls.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /** All is well: the next loss begins with the shortest delay. */
  confirm() {
    this.#failures = 0;
  }

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      this.#socket?.close();
      return;
    }

    if (message.method) {
      this.dispatchEvent(new CustomEvent("notification", { detail: message }));
      return;
    }

    const call = this.#calls.get(message.id);
    if (!call) return;
    this.#calls.delete(message.id);
    clearTimeout(call.timer);
    if (message.error) call.reject(new RpcError(message.error.code, message.error.message));
    else call.resolve(message.result);
  }

  #fail(reason) {
    for (const call of this.#calls.values()) {
      clearTimeout(call.timer);
      call.reject(new RpcError(0, reason));
    }
    this.#calls.clear();
  }

  /** The browser does not say why a WebSocket was refused; a plain request does. */
  async #findOut() {
    const token = this.#getToken();
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "rpc_modules", params: [] }),
        signal: AbortSignal.timeout(openTimeout),
      });
      if (response.status === 401) {
        this.#setState("token", token ? "this token is not the node's" : "");
        return;
      }
      this.#wait(response.ok ? "no WebSocket" : `refused: ${(await response.text()).trim().slice(0, 200) || response.status}`);
    } catch {
      this.#wait("the node does not answer");
    }
  }

  #wait(problem) {
    const delay = Math.min(maxDelay, firstDelay * 2 ** this.#failures) * (0.8 + 0.4 * Math.random());
    this.#failures = Math.min(this.#failures + 1, 16);
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.connect(), delay);
    this.#setState("waiting", problem);
  }

  #setState(state, problem = "") {
    this.state = state;
    this.problem = problem;
    this.dispatchEvent(new Event("state"));
  }
}
