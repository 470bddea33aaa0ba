"""A booth scene as files and as facts for the manifest."""

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes import camera
from training.scenes.booth.scene import CATEGORIES, BoothScene, Picture, scene

RECIPE = 1  # raised whenever the same seed gives other pictures
FOLDERS: Mapping[str, str] = MappingProxyType(
    {"foreground": "foregrounds", "bare_ground": "grounds", "shadow": "shadows"}
)
Facts = dict[str, object]


def made(rng: np.random.Generator, side: int, index: int) -> BoothScene:
    """Scene number `index` of a set: the categories take turns, so that each has as many."""
    return scene(rng, side, CATEGORIES[index % len(CATEGORIES)])


def truth_names(index: int) -> dict[str, str]:
    """Where the layers beside photo and mask lie, by their names in the manifest."""
    return {name: f"{folder}/{index:06d}.png" for name, folder in FOLDERS.items()}


def truth_files(one: BoothScene, index: int) -> dict[str, bytes]:
    names = truth_names(index)
    layers = {"foreground": one.foreground, "bare_ground": one.ground, "shadow": one.shadow}
    return {names[name]: _png(layer) for name, layer in layers.items()}


def facts(one: BoothScene, index: int) -> Facts:
    """What the manifest says of a scene beside what all scenes have."""
    return {
        "subject": one.category,
        "category": one.category,
        "material": one.material,
        "ground": "booth",
        "coverage": round(float(one.alpha.mean()) / 255, 4),
        "white_on_white": one.white_on_white,
        "apart": one.apart,
        "cut": list(one.cut),
        "throw": asdict(one.throw),
        "defects": asdict(one.taken),
        **truth_names(index),
    }


def _png(layer: Picture) -> bytes:
    """Of little compression: smooth layers are small anyway, and it takes a third of the time."""
    ordered = layer if layer.ndim == 2 else layer[..., ::-1]
    _, data = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data.tobytes())


def files(one: BoothScene, image: str, mask: str, index: int) -> dict[str, bytes]:
    """All files of a scene by their names in the set's folder."""
    return {
        image: camera.jpeg(one.photo, one.taken.quality),
        mask: camera.png(one.alpha),
        **truth_files(one, index),
    }
