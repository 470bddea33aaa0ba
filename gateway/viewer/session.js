// One viewing: frames in, answers out, both kept together so that classes lie over the frame they belong to.

import { askForCamera, close, eachFrame, grabbed, openCamera, openFile } from "./inputs.js";
import { LiveStream } from "./stream.js";

const MOST_UNDER_WAY = 3;
const MOST_BUFFERED_BYTES = 256 * 1024;
const QUALITY = 0.8;
const FILE_ENDED = "The file has ended.";

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
  #atEnd = false;
  #isNewestSent = false;
  #droppedBefore = 0; // by connections that are over
  #droppedNow = 0;

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
    for (const name of ["ready", "lost", "paused", "error", "source"]) {
      this.#stream.addEventListener(name, (event) => this.#tell(name, event.detail));
    }
    for (const name of ["lost", "paused"]) this.#stream.addEventListener(name, () => this.#disconnected());
    this.#stream.addEventListener("ended", ({ detail }) => {
      const reason = this.#atEnd ? FILE_ENDED : `Ended by the gateway: ${detail.reason}.`;
      this.#order = this.#order.then(() => this.#end(reason));
    });
    if (wish.input === "file") {
      // So that nothing of it is missed.
      this.#stream.addEventListener("ready", () => this.#play());
      this.#stream.addEventListener("lost", () => this.#video.pause());
    }
    this.#stream.addEventListener("frame", (event) => {
      // Pictures are decoded aside; the queue keeps them in order.
      this.#order = this.#order.then(() => this.#answer(event.detail));
    });
  }

  get dropped() { return this.#droppedBefore + this.#droppedNow; }
  get isFramed() { return this.#wish.input !== "source"; }

  async start() {
    if (this.#wish.input === "camera") {
      const media = await askForCamera(this.#wish.device);
      if (this.#over) {
        for (const track of media.getTracks()) track.stop();
        return;
      }
      await openCamera(this.#video, media);
    }
    if (this.#wish.input === "file") await openFile(this.#video, this.#wish.file);
    if (this.#over) return;
    if (this.isFramed) {
      this.#video.onended = () => (this.#wish.input === "file" ? this.#finish() : this.#end("The camera was taken away."));
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

  async #play() {
    try {
      await this.#video.play();
    } catch (error) {
      if (!this.#over && error.name !== "AbortError") this.#end(`The file cannot be played on: ${error.message}`);
    }
  }

  #take(time) {
    const stream = this.#stream;
    this.#isNewestSent = false;
    if (stream.isPaused) stream.open();
    if (!stream.isReady || !this.#video.videoWidth) return;
    const busy = this.#atEnd || this.#encoding || stream.underWay >= MOST_UNDER_WAY || stream.bufferedBytes > MOST_BUFFERED_BYTES;
    if (busy) {
      this.skipped += 1;
      return;
    }
    this.#encoding = this.#isNewestSent = true;
    const canvas = grabbed(this.#video, this.#spare.pop() ?? document.createElement("canvas"));
    canvas.toBlob((blob) => {
      this.#encoding = false;
      if (blob && stream.isReady) this.#waiting.set(stream.send(blob), { canvas, time });
      if (this.#atEnd && stream.isReady) stream.finish();
    }, "image/jpeg", QUALITY);
  }

  /** The file's last frame is sent if there is room, and what is under way is waited for. */
  #finish() {
    if (!this.#isNewestSent) this.#take(performance.now());
    this.#atEnd = true;
    if (!this.#stream.isReady) this.#end(FILE_ENDED);
    else if (!this.#encoding) this.#stream.finish();
  }

  async #answer({ message, picture }) {
    this.#droppedNow = message.dropped;
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

  #disconnected() {
    this.#droppedBefore += this.#droppedNow;
    this.#droppedNow = 0;
    this.#forget();
  }

  #forget() {
    this.#waiting.clear();
  }

  #end(reason) {
    if (this.#over) return;
    this.stop();
    this.#tell("ended", { reason, isDone: reason === FILE_ENDED });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
