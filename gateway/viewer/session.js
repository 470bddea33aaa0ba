// One viewing: frames in, answers out, both kept together so that classes lie over the frame they belong to.

import { close, eachFrame, grabbed, openCamera, openFile } from "./inputs.js";
import { LiveStream } from "./stream.js";

const MOST_UNDER_WAY = 3;
const MOST_BUFFERED_BYTES = 256 * 1024;
const QUALITY = 0.8;

export class Session extends EventTarget {
  #video;
  #wish;
  #stream;
  #stopFrames = null;
  #encoding = false;
  #waiting = new Map(); // number -> { canvas, time }
  #spare = [];
  #order = Promise.resolve();
  #over = false;

  /** `wish`: input, device, file, source, network, smoothing, output, opacity. */
  constructor(video, wish) {
    super();
    this.#video = video;
    this.#wish = wish;
    this.skipped = 0;
    const { network, smoothing, output, opacity } = wish;
    const options = { network, smoothing, output, opacity };
    this.#stream = new LiveStream(
      wish.input === "source" ? { ...options, input: "source", source: wish.source } : { ...options, input: "frames" },
    );
    for (const name of ["ready", "lost", "error", "source"]) {
      this.#stream.addEventListener(name, (event) => this.#tell(name, event.detail));
    }
    this.#stream.addEventListener("lost", () => this.#forget());
    this.#stream.addEventListener("ended", (event) => this.#end(event.detail.reason));
    this.#stream.addEventListener("frame", (event) => {
      // Pictures are decoded aside; the queue keeps them in order.
      this.#order = this.#order.then(() => this.#answer(event.detail));
    });
  }

  get isFramed() { return this.#wish.input !== "source"; }

  async start() {
    if (this.#wish.input === "camera") await openCamera(this.#video, this.#wish.device);
    if (this.#wish.input === "file") await openFile(this.#video, this.#wish.file);
    if (this.#over) {
      close(this.#video);
      return;
    }
    if (this.isFramed) {
      this.#video.onended = () => this.#end(this.#wish.input === "file" ? "The file has ended." : "The camera was taken away.");
      this.#stopFrames = eachFrame(this.#video, (time) => this.#take(time));
    }
    this.#stream.open();
  }

  change(options) {
    this.#stream.change(options);
  }

  stop() {
    this.#over = true;
    this.#stopFrames?.();
    this.#stream.stop();
    this.#video.onended = null;
    close(this.#video);
    this.#forget();
  }

  giveBack(canvas) {
    if (canvas instanceof HTMLCanvasElement && this.#spare.length < MOST_UNDER_WAY) this.#spare.push(canvas);
  }

  #take(time) {
    const stream = this.#stream;
    if (!stream.isReady || !this.#video.videoWidth) return;
    const busy = this.#encoding || stream.underWay >= MOST_UNDER_WAY || stream.bufferedBytes > MOST_BUFFERED_BYTES;
    if (busy) {
      this.skipped += 1;
      return;
    }
    this.#encoding = true;
    const canvas = grabbed(this.#video, this.#spare.pop() ?? document.createElement("canvas"));
    canvas.toBlob((blob) => {
      this.#encoding = false;
      if (!blob || !stream.isReady) return;
      this.#waiting.set(stream.send(blob), { canvas, time });
    }, "image/jpeg", QUALITY);
  }

  async #answer({ message, picture }) {
    const kept = this.#waiting.get(message.frame);
    for (const number of [...this.#waiting.keys()].filter((number) => number <= message.frame)) {
      const { canvas } = this.#waiting.get(number);
      if (number !== message.frame) this.giveBack(canvas);
      this.#waiting.delete(number);
    }
    let bitmap = null;
    try {
      bitmap = picture && (await createImageBitmap(picture));
    } catch {
      this.#tell("error", { detail: "The browser cannot read the picture that came." });
      return;
    }
    if (this.#over) return;
    const isMask = message.picture === "image/png";
    this.#tell("frame", {
      message,
      frame: isMask ? kept?.canvas : bitmap,
      mask: isMask ? bitmap : null,
      latencyMs: kept ? performance.now() - kept.time : message.timings.total,
    });
  }

  #forget() {
    this.#waiting.clear();
  }

  #end(reason) {
    if (this.#over) return;
    this.stop();
    this.#tell("ended", { reason });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
