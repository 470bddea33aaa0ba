"""Pictures for measurements, made in code so that every machine measures the same bytes."""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from pathlib import Path

SIZES = ((1000, 667), (1600, 1200), (640, 640), (2400, 1600))


def photo(width: int, height: int, seed: int) -> bytes:
    """Return a JPEG (quality 90) of a few lit solids before a soft ground with camera noise: about 0.2 byte a pixel."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(150, 225, height, dtype=np.float32)[:, None, None] * rng.uniform(0.8, 1.1, 3).astype(np.float32)
    ground = Image.fromarray(np.clip(np.broadcast_to(ramp, (height, width, 3)), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(ground)
    for _ in range(6):
        x, y = rng.uniform(0.15, 0.85, 2) * (width, height)
        radius = rng.uniform(0.05, 0.2) * min(width, height)
        colour = tuple(int(c) for c in rng.integers(20, 220, 3))
        draw.ellipse((x - radius, y - radius * 0.8, x + radius, y + radius * 0.8), fill=colour)
    soft = np.asarray(ground.filter(ImageFilter.GaussianBlur(2)), dtype=np.int16)
    noise = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def photos() -> list[bytes]:
    return [photo(width, height, seed) for seed, (width, height) in enumerate(SIZES)]


def write_photos(folder: Path, count: int) -> None:
    """Write `count` other pictures than those of `photos` as files, for exports that want to see some."""
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        (folder / f"{number:03}.jpg").write_bytes(photo(width, height, len(SIZES) + number))


def write_photo_requests(path: Path) -> None:
    """Write perf_analyzer's input file for a pipeline: `image` as BYTES [1], length-prefixed as its JSON form asks."""
    entries = [_entry("image", struct.pack("<I", len(data)) + data, [1]) for data in photos()]
    path.write_text(json.dumps({"data": entries}))


def write_pixel_requests(path: Path, size: int) -> None:
    """Write perf_analyzer's input file for a network: `pixels` as UINT8 [size, size, 3]."""
    pictures = [Image.open(io.BytesIO(data)).convert("RGB").resize((size, size)) for data in photos()]
    entries = [_entry("pixels", picture.tobytes(), [size, size, 3]) for picture in pictures]
    path.write_text(json.dumps({"data": entries}))


def _entry(name: str, content: bytes, shape: list[int]) -> dict[str, object]:
    return {name: {"content": {"b64": base64.b64encode(content).decode()}, "shape": shape}}
