// The canvas: a frame, and the classes over it.

export class Stage {
  #canvas;
  #context;
  #frame = null;
  #mask = null;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.opacity = 0.5;
    this.shown = true;
  }

  /** `frame` is kept until the next one; `mask` may be null. Returns the frame before, to be used again. */
  show(frame, mask) {
    const before = this.#frame;
    this.#mask?.close();
    this.#frame = frame;
    this.#mask = mask;
    this.draw();
    return before;
  }

  clear() {
    this.#mask?.close();
    this.#frame?.close?.(); // a canvas has none
    this.#frame = this.#mask = null;
    this.#context.globalAlpha = 1;
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  draw() {
    const frame = this.#frame;
    if (!frame) return;
    if (this.#canvas.width !== frame.width || this.#canvas.height !== frame.height) {
      this.#canvas.width = frame.width;
      this.#canvas.height = frame.height;
    }
    const context = this.#context;
    context.globalAlpha = 1;
    context.drawImage(frame, 0, 0);
    if (this.#mask && this.shown) {
      context.globalAlpha = this.opacity;
      context.imageSmoothingEnabled = false;
      context.drawImage(this.#mask, 0, 0, frame.width, frame.height);
    }
  }

  snapshot() {
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/png"));
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#canvas.requestFullscreen?.();
  }
}
