"""Photographs that scikit-image carries, made into pictures with one face, many and none; and the weights of MTCNN."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from PIL import Image

WHEEL = "facenet_pytorch-2.6.0-py3-none-any.whl"
WHEEL_SHA256 = "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca"
CACHE = Path.home() / ".cache" / "darkroom" / "facenet"
REGION = (150, 0, 330, 260)  # of the astronaut, with the face not in its middle


def wheel() -> Path:
    """The wheel of facenet-pytorch, fetched once through pip: its weights are wanted, not its code."""
    path = CACHE / WHEEL
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={CACHE}"]
        subprocess.run([*command, "facenet-pytorch==2.6.0"], check=True)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == WHEEL_SHA256, f"{path} is not the wheel that was published"
    return path


def photograph(name: str) -> Image.Image:
    """One of scikit-image's own: `astronaut.png` (NASA), `camera.png` (CC0), `coffee.png`, `rocket.jpg` (CC0)."""
    path = Path(str(distribution("scikit-image").locate_file(f"skimage/data/{name}")))
    with Image.open(path) as picture:
        return picture.convert("RGB")


def astronaut(width: int = 512, height: int = 512) -> Image.Image:
    return photograph("astronaut.png").resize((width, height), Image.Resampling.BILINEAR)


def grey() -> Image.Image:
    return astronaut().convert("L").convert("RGB")


def jpeg() -> bytes:
    """A photograph as people send it."""
    target = io.BytesIO()
    astronaut(800, 700).save(target, "JPEG", quality=90)
    return target.getvalue()


def several() -> Image.Image:
    """Twelve of one face in four sizes, some mirrored."""
    sheet = Image.new("RGB", (800, 480), (90, 110, 100))
    face = photograph("astronaut.png").crop((130, 20, 330, 220))
    for number in range(12):
        side = (40, 70, 100, 150)[number % 4]
        one = face.resize((side, side), Image.Resampling.BILINEAR)
        one = one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 3 else one
        sheet.paste(one, (number % 4 * 200 + 10 * (number % 3), number // 4 * 160))
    return sheet


def crowd() -> Image.Image:
    """Twenty-five people of Labeled Faces in the Wild, blurred: many are found with middling scores."""
    path = Path(str(distribution("scikit-image").locate_file("skimage/data/lfw_subset.npy")))
    faces = np.uint8(np.load(path)[:25] * 255).reshape(5, 5, 25, 25).transpose(0, 2, 1, 3).reshape(125, 125)
    return Image.fromarray(faces).convert("RGB").resize((500, 500), Image.Resampling.BILINEAR)


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8))


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "astronaut": astronaut,
    "large": lambda: astronaut(1000, 1000),
    "small": lambda: astronaut(128, 128),
    "odd": lambda: astronaut(333, 271),
    "mirrored": lambda: astronaut().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "grey": grey,
    "camera": lambda: photograph("camera.png"),
    "jpeg": lambda: Image.open(io.BytesIO(jpeg())).convert("RGB"),
    "region": lambda: astronaut().crop(REGION),
    "several": several,
    "crowd": crowd,
    "coffee": lambda: photograph("coffee.png"),
    "rocket": lambda: photograph("rocket.jpg"),
    "noise": noise,
    "strip": lambda: astronaut(60, 700),
    "least": lambda: astronaut(20, 21),
}


def pixels(name: str) -> np.ndarray:
    """UINT8 [h, w, 3]."""
    return np.asarray(PICTURES[name]())


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes()).hexdigest()
