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


def measure(
    model: str, threads: int, requests: int, *, spinning: bool, pictures: str | None = None, instances: int = 1
) -> Bare:
    """Run `requests` single-picture inferences in `instances` sessions of `threads` threads (0: all cores) at once,
    each with one picture at a time.

    The threads wait by spinning (ONNX Runtime's default) or asleep (as served). `pictures` is a .npy file of UINT8
    [n, h, w, 3] that are shown in turn; without it there is one of noise.
    """
    opened = [session(model, threads, spinning=spinning) for _ in range(instances)]
    source = opened[0].get_inputs()[0]
    shape = [dim if isinstance(dim, int) else 1 for dim in source.shape]
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    shown = noise if pictures is None else np.load(pictures)
    for one in opened:
        one.run(None, {source.name: shown[:1]})
    numbers = iter(range(requests))  # whoever is free takes the next

    def work(one: Any) -> list[float]:  # noqa: ANN401 - onnxruntime has no types
        return [_timed(one, {source.name: shown[number % len(shown)][None]}) for number in numbers]

    start = time.perf_counter()
    with ThreadPoolExecutor(instances) as pool:
        times = [seconds for found in pool.map(work, opened) for seconds in found]
    total = time.perf_counter() - start
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1000
    return Bare(len(times) / total, float(p50), float(p95), float(p99))


def _timed(session: Any, feed: dict[str, np.ndarray[Any, Any]]) -> float:  # noqa: ANN401
    start = time.perf_counter()
    session.run(None, feed)
    return time.perf_counter() - start


def session(model: str, threads: int, *, spinning: bool) -> Any:  # noqa: ANN401 - onnxruntime has no types
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, help="as many as the server's session takes, unless given")
    parser.add_argument("--instances", type=int, default=1, help="sessions at once, which share the cores")
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--spinning", action="store_true")
    parser.add_argument("--pictures", help="a .npy file of pictures to show in turn")
    given = parser.parse_args()
    if given.threads is None:
        from twin.machine import usable_cores

        given.threads = max(1, usable_cores() // given.instances)
    found = measure(
        given.model,
        given.threads,
        given.requests,
        spinning=given.spinning,
        pictures=given.pictures,
        instances=given.instances,
    )
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
