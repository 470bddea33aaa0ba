"""A product photo with every option on, step by step on one core; and the memory that one such request takes."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import (
    box,
    compose,
    decode,
    formats,
    ground,
    place,
    product,
    refine,
    resize,
    shadow,
    template,
    template_room,
)
from imaging.product import Shot
from imaging.product_options import PhotoOptions, Place
from imaging.shelf import Shelf
from perf import scene, steps

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.product_options import Encode
    from perf.steps import Watch

SIDE = 1024
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
EVERY_OPTION = PhotoOptions.model_validate_json(
    """{
      "refine": {"erosion": 0.7, "holes": 0.001, "specks": 0.001},
      "place": {"size": [4000, 4000], "padding": "10%", "center": "optical"},
      "ground": {"gradient": {"start": "FFFFFF", "end": "DDDDDD"}},
      "shadow": {"kind": "dual"},
      "template": {"name": "bar", "fields": {"title": "Lens 50 mm f/1.4", "price": "399"}},
      "encode": {"format": "png", "dpi": 300}
    }"""
)
FORMATS = ("jpeg", "webp", "avif", "zip")


def run(size: int, rounds: int) -> str:
    """Return a Markdown report for a made picture of `size` x `size` pixels."""
    made = scene.make(size)
    watch = steps.Watch(rounds, [])
    with steps.one_core():
        file = _steps(watch, made.jpeg, resize.square(made.alpha, SIDE))
    head = f"{size} x {size}, {len(made.jpeg) / 1e6:.1f} MB in, {len(file) / 1e6:.1f} MB out"
    peak = f"Memory of these steps beyond the decoded photo and the libraries: at most {_peak(made.jpeg)} MB."
    return f"{head}\n\n{steps.report(watch.rows)}\n{peak}\n"


def _steps(watch: Watch, data: bytes, small: Bytes) -> bytes:
    wishes, shelf = EVERY_OPTION, Shelf(TEMPLATES)
    picture = decode.decode(data, decode.LARGEST_LIMIT)
    watch.step("copy of the pixels", picture.pixels.copy, steps.FLOOR)
    watch.step("decode", lambda: decode.decode(data, decode.LARGEST_LIMIT))
    watch.step("resize to the network", lambda: resize.for_network(picture, SIDE))
    cut = watch.step("refine", lambda: refine.refined(small, picture.pixels, None, wishes.refine))
    bar, fields = shelf.load("bar", None), wishes.template.fields if wishes.template else {}
    placement = place.planned(cut, wishes.place, template_room.reserve(bar, fields))
    subject = watch.step("place", lambda: place.placed(cut, placement))
    height, width = subject.shape[:2]
    laid = watch.step("ground", lambda: ground.laid(height, width, wishes.ground))
    opacity = watch.step("shadow", lambda: shadow.cast(subject, wishes.shadow, placement.cut))
    whole = watch.step("compose", lambda: compose.composed(laid, opacity, wishes.shadow.color, subject))
    drawn = watch.step("template", lambda: template.drawn(whole, bar, fields))
    watch.step("box", lambda: box.around(subject[..., 3]))
    file = watch.step("encode, PNG", lambda: formats.encoded(drawn, wishes.encode))
    for name in FORMATS:
        watch.step(f"encode, {name}", partial(formats.encoded, drawn, _as(wishes.encode, name)), steps.RIVAL)
    return file.data


def _as(wishes: Encode, name: str) -> Encode:
    return wishes.model_copy(update={"format": name})


def _peak(data: bytes) -> int:
    """Megabytes, of a process of its own that makes one picture."""
    command = [sys.executable, "-m", "perf.product"]
    return int(subprocess.run(command, input=data, capture_output=True, check=True).stdout)


def _grown(data: bytes) -> int:
    """Megabytes by which making the picture of a JPEG raises this process' highest resident size."""
    shelf = Shelf(TEMPLATES)
    product.photo(_shot(scene.make(64).jpeg), EVERY_OPTION.model_copy(update={"place": Place()}), shelf)
    shot = _shot(data)  # libraries, fonts and tables are there by now
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the highest resident size starts again from here
    before = _kilobytes("VmRSS")
    product.photo(shot, EVERY_OPTION, shelf)
    return (_kilobytes("VmHWM") - before) // 1000


def _shot(data: bytes) -> Shot:
    small = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(small, (SIDE // 2, SIDE // 2), (SIDE // 3, SIDE // 3), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return Shot(small, decode.decode(data, decode.LARGEST_LIMIT).pixels)


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(_grown(sys.stdin.buffer.read()))
