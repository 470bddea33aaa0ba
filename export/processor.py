"""A checkpoint's own preprocessing: what its processor file says, and what its processor class really does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from export.errors import CheckpointError
from export.roles import Framing

PROCESSOR_FILE = "preprocessor_config.json"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
BILINEAR = "bilinear"  # how graphs resize

Pictures = npt.NDArray[np.uint8]
Planes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Preprocessing:
    """pixel_values = (pixels * scale - mean) / std, channels first; `size` is the network's side, None when unsaid, and
    `resample` the rule by which the processor gets there.
    """

    scale: float = 1 / 255
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    size: int | None = None
    resample: str = BILINEAR
    stated: bool = False

    def normalise(self, pictures: Pictures) -> Planes:
        """UINT8 [n, h, w, 3] to float32 [n, 3, h, w], in double precision on the way."""
        planes = pictures.transpose(0, 3, 1, 2).astype(np.float64) * self.scale
        mean, std = (np.asarray(values).reshape(1, 3, 1, 1) for values in (self.mean, self.std))
        return np.asarray((planes - mean) / std, dtype=np.float32)


def read(path: Path) -> Preprocessing:
    """Preprocessing from a processor file; ImageNet's when there is none. Raises CheckpointError for what a graph
    with a square input cannot do (crops, padding, rectangles).
    """
    if not path.exists():
        return Preprocessing()
    with _told_of(path):
        facts = json.loads(path.read_text(encoding="utf-8"))
        _refuse(facts, "do_center_crop", "do_pad")
        resizes = facts.get("do_resize", True)
        size = _side(facts.get("size")) if resizes else None
        return replace(_values(facts), size=size, resample=_rule(facts.get("resample")) if resizes else BILINEAR)


def read_framed(path: Path) -> tuple[Preprocessing, Framing]:
    """What a processor file says of the values, and of how a picture gets to the network's square.

    Raises CheckpointError where there is no file: an embedding of a picture that is framed otherwise is another one.
    """
    if not path.exists():
        raise CheckpointError(f"{path} is missing: nothing says how pictures are brought to this network's square")
    with _told_of(path):
        facts = json.loads(path.read_text(encoding="utf-8"))
        _refuse(facts, "do_pad")
        framing = _framing(facts)
        return replace(_values(facts), size=framing.side, resample=framing.resample), framing


def read_squeezed(path: Path) -> Preprocessing:
    """Preprocessing from the processor file of a detector that squeezes whole pictures to one square, of one size for
    all, so that padding them to a common size (`do_pad`) does nothing.

    Raises CheckpointError for what is otherwise, and where there is no file: some of these networks want plain values,
    some normalised ones.
    """
    if not path.exists():
        raise CheckpointError(f"{path} is missing: nothing says what values this network reads")
    with _told_of(path):
        facts = json.loads(path.read_text(encoding="utf-8"))
        _refuse(facts, "do_center_crop", "pad_size")
        framing = _framing(facts)
        return replace(_values(facts), size=framing.side, resample=framing.resample)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a usable image processor file: {error}") from error


def _refuse(facts: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if facts.get(key):
            raise ValueError(f"{key} has no place in a graph with a square input")


def _framing(facts: dict[str, Any]) -> Framing:
    if not facts.get("do_resize", True):
        raise ValueError("do_resize is off, so pictures would come at any size")
    rule, size = _rule(facts.get("resample")), facts.get("size")
    if not facts.get("do_center_crop"):
        side = _side(size)
        if side is None or (isinstance(size, dict) and "shortest_edge" in size):
            raise ValueError(f"size {size} without a crop is not one square")
        return Framing(None, side, rule)
    shorter, side = _side(size), _side(facts.get("crop_size"))
    if shorter is None or side is None or shorter < side:
        raise ValueError(f"size {size} and crop_size {facts.get('crop_size')} are no square within the picture")
    return Framing(shorter, side, rule)


def _values(facts: dict[str, Any]) -> Preprocessing:
    normalises = facts.get("do_normalize", True)
    mean = tuple(map(float, facts.get("image_mean", IMAGENET_MEAN))) if normalises else (0.0,) * 3
    std = tuple(map(float, facts.get("image_std", IMAGENET_STD))) if normalises else (1.0,) * 3
    if len(mean) != 3 or len(std) != 3 or not all(std):  # noqa: PLR2004 - red, green, blue
        raise ValueError("image_mean and image_std need three values each, no zero in image_std")
    scale = float(facts.get("rescale_factor", 1 / 255)) if facts.get("do_rescale", True) else 1.0
    return Preprocessing(scale, mean, std, stated=True)


def _rule(resample: object) -> str:
    """Pillow's name for its number."""
    return BILINEAR if resample is None else Image.Resampling(int(str(resample))).name.lower()


def _side(size: object) -> int | None:
    if size is None:
        return None
    if isinstance(size, dict):
        sides = {int(size[key]) for key in ("height", "width", "shortest_edge") if size.get(key)}
        if len(sides) != 1:
            raise ValueError(f"size {size} is not one square")
        return sides.pop()
    return int(str(size))


def run(folder: Path, pictures: Pictures, side: int | None = None) -> Planes | None:
    """`pixel_values` [n, 3, side, side] of the checkpoint's own processor class, or None where `folder` states no
    processor that can run here (remote code never does). Without a side nothing is resized.
    """
    if not (folder / PROCESSOR_FILE).exists():
        return None
    from transformers import AutoImageProcessor

    try:
        loader: Any = AutoImageProcessor
        processor = loader.from_pretrained(folder, backend="pil", trust_remote_code=False)
    except (ValueError, OSError, ImportError):
        return None
    size = {} if side is None else {"size": {"height": side, "width": side}}
    shape = {"do_resize": side is not None, "do_center_crop": False, **size}
    values = processor(images=list(pictures), return_tensors="np", **shape)["pixel_values"]
    return np.asarray(values, dtype=np.float32)
