"""Bare ONNX Runtime on the same cores: what the server is compared with. Runs in the server's environment."""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Bare:
    """What `python -m perf.bare` prints as JSON: requests per second, median, 95th and 99th percentile in ms."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def measure(model: str, sessions: int, threads: int, requests: int, *, spinning: bool) -> Bare:
    """Run `requests` single-picture inferences over `sessions` sessions of `threads` threads each (0: all cores),
    whose threads wait by spinning (ONNX Runtime's default) or asleep (the served model's way).
    """
    pool = [_session(model, threads, spinning=spinning) for _ in range(sessions)]
    shape = [dim if isinstance(dim, int) else 1 for dim in pool[0].get_inputs()[0].shape]
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    name = pool[0].get_inputs()[0].name

    def loop(session: Any) -> list[float]:  # noqa: ANN401 - onnxruntime has no types
        times = []
        for _ in range(requests // sessions):
            start = time.perf_counter()
            session.run(None, {name: picture})
            times.append(time.perf_counter() - start)
        return times

    for session in pool:
        session.run(None, {name: picture})
    with ThreadPoolExecutor(sessions) as workers:
        start = time.perf_counter()
        times = [seconds for part in workers.map(loop, pool) for seconds in part]
        total = time.perf_counter() - start
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1000
    return Bare(len(times) / total, float(p50), float(p95), float(p99))


def _session(model: str, threads: int, *, spinning: bool) -> Any:  # noqa: ANN401 - onnxruntime has no types
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--spinning", action="store_true")
    given = parser.parse_args()
    found = measure(given.model, given.sessions, given.threads, given.requests, spinning=given.spinning)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
