// The gateway's side of a live stream: one WebSocket, opened again after troubles that pass.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;
// Closes that another try would only repeat: what was sent or asked for is wrong.
// The gateway closes a stream of which nothing comes: the camera of a hidden page, a file that stands still.
const SILENT = "stream_idle";
const FINAL = new Set([1000, 1003, 1007, 1008, 1009]);

export class LiveStream extends EventTarget {
  #options;
  #socket = null;
  #waitMs = FIRST_WAIT_MS;
  #timer = 0;
  #message = null;
  #detail = "";
  #error = null;
  #paused = false;
  #stopped = false;
  #ready = false;

  constructor(options) {
    super();
    this.#options = options;
    this.sent = 0;
    this.settled = 0; // every frame before this one is answered, or will never be
  }

  get isReady() { return this.#ready; }
  get isPaused() { return this.#paused; }
  get underWay() { return this.sent - this.settled; }
  get bufferedBytes() { return this.#socket?.bufferedAmount ?? 0; }

  open() {
    const address = new URL("api/stream", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "blob";
    socket.onopen = () => socket.send(JSON.stringify(this.#options));
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#closed(event);
    this.#socket = socket;
    this.sent = this.settled = 0;
    this.#message = null;
    this.#detail = "";
    this.#error = null;
    this.#paused = false;
  }

  /** Sends a picture; returns its number, as the gateway counts. */
  send(blob) {
    this.#socket.send(blob);
    return this.sent++;
  }

  /** What may change while it runs: output, opacity, quality, format, max_fps. */
  change(options) {
    this.#options = { ...this.#options, ...options };
    if (this.#ready) this.#socket.send(JSON.stringify(options));
  }

  /** Nothing more is sent; the last answers still come, and then the end. */
  finish() {
    this.#socket.send(JSON.stringify({ end: true }));
  }

  stop() {
    this.#stopped = true;
    this.#ready = false;
    clearTimeout(this.#timer);
    this.#socket?.close(1000, "stopped");
  }

  #hear(data) {
    if (typeof data !== "string") {
      const message = this.#message;
      this.#message = null;
      if (message) this.#tell("frame", { message, picture: data });
      return;
    }
    const message = JSON.parse(data);
    if (message.frame !== undefined) this.settled = Math.max(this.settled, message.frame + 1);
    if (message.type === "frame" && message.picture) {
      this.#message = message;
    } else if (message.type === "frame") {
      this.#tell("frame", { message, picture: null });
    } else if (message.type === "ready") {
      this.#ready = true;
      this.#waitMs = FIRST_WAIT_MS;
      this.#tell("ready", message);
    } else {
      if (message.type === "closing") [this.#detail, this.#error] = [message.detail, message.error];
      this.#tell(message.type, message);
    }
  }

  #closed(event) {
    this.#ready = false;
    if (this.#stopped) return;
    if (this.#error === SILENT) {
      this.#paused = true;
      this.#tell("paused", {});
      return;
    }
    const reason = this.#detail || event.reason || "the connection was lost";
    if (FINAL.has(event.code)) {
      this.#tell("ended", { code: event.code, reason });
      return;
    }
    this.#tell("lost", { code: event.code, reason, seconds: Math.round(this.#waitMs / 1000) });
    this.#timer = setTimeout(() => this.open(), this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
