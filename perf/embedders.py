"""Embedders behind Triton beside bare sessions of the same files on the same cores."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from perf import corpus, families, serving
from perf.analyzer import Analyzer, Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perf.analyzer import Measurement
    from perf.serving import Server

SIDES = MappingProxyType({families.CLIP: 224, families.DINO: 224})
CONCURRENCY = (1, 2, 8)


def measured(tool: Analyzer, server: Server, models: Path, requests: int) -> Iterator[tuple[str, int, Measurement]]:
    """Each embedder of the repository `models`: bare, through the `server` of that repository over gRPC, bare again."""
    for name, side in SIDES.items():
        bare = f"{name} (bare ONNX Runtime)"
        network = serving.newest(models / name)
        yield bare, 1, serving.bare(network, requests)
        with tempfile.TemporaryDirectory() as folder:
            pixels = Path(folder) / "pixels.json"
            corpus.write_pixel_requests(pixels, side)
            for concurrency in CONCURRENCY:
                load = Load(name, server.grpc, pixels, concurrency, requests)
                yield f"{name} (Triton, gRPC)", concurrency, tool.measure(load)
        yield bare, 1, serving.bare(network, requests)
