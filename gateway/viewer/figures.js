// Figures of the last few seconds.

const WINDOW_MS = 5000;

export class Figures {
  #times = [];
  #latencies = [];

  add(now, latencyMs) {
    this.#times.push(now);
    this.#latencies.push(latencyMs);
    this.#forget(now);
  }

  #forget(now) {
    while (this.#times.length && this.#times[0] < now - WINDOW_MS) {
      this.#times.shift();
      this.#latencies.shift();
    }
  }

  fps(now) {
    this.#forget(now);
    if (this.#times.length < 2) return null;
    const seconds = (now - this.#times[0]) / 1000;
    return seconds > 0 ? (this.#times.length - 1) / seconds : null;
  }

  quantile(share, now) {
    this.#forget(now);
    if (!this.#latencies.length) return null;
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  clear() {
    this.#times = [];
    this.#latencies = [];
  }
}
