"""One rendered scene: the picture, its subject alone with exact alpha, and further views of the subject."""

import json
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from training.scenes.rendered import stage, things
from training.scenes.rendered.palettes import chance

ASPECTS = ((1, 1), (4, 3), (3, 2), (3, 4))  # width to height


@dataclass(frozen=True)
class Order:
    """`size` is the longer side in pixels; every subject is rendered alone from `views` sides, and with `pictures` also
    on its ground from the first of them.
    """

    folder: Path
    seed: int
    size: int
    views: int
    samples: int
    threads: int
    pictures: bool


def picture_name(index: int) -> str:
    return f"pictures/{index:06d}.png"


def subject_name(index: int, view: int) -> str:
    return f"subjects/{index:06d}-{view}.png"


def record_name(index: int) -> str:
    return f"records/{index:06d}.json"


def _write(path: Path) -> None:
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _whole(rng: np.random.Generator, path: Path, around: stage.Extent, eye: bpy.types.Object, *, outdoor: bool) -> None:
    """The scene as a photo, with things behind, which are gone afterwards."""
    before = set(bpy.data.objects)
    stage.background(rng, around, eye.location, outdoor=outdoor)
    bpy.context.scene.render.film_transparent = False
    bpy.context.scene.render.image_settings.color_mode = "RGB"
    _write(path)
    for thing in set(bpy.data.objects) - before:
        bpy.data.objects.remove(thing)


def _alone(floor: bpy.types.Object, path: Path) -> None:
    """The subject through the same lens; the floor still catches and gives light but is cut from alpha."""
    scene = bpy.context.scene
    floor.is_holdout = True
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    _write(path)


def _shape(rng: np.random.Generator, longer: int) -> tuple[int, int]:
    width, height = ASPECTS[int(rng.integers(len(ASPECTS)))]
    unit = longer / max(width, height)
    return round(width * unit), round(height * unit)


def render(order: Order, index: int) -> None:
    """Renders scene `index` of the seed, alone of all others; the record is written last and proves the rest."""
    rng = np.random.default_rng([order.seed, index])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    size = _shape(rng, order.size)
    stage.engine(size, index, order.samples, order.threads)
    parts, kind = things.drawn(rng)
    around = stage.extent(parts)
    outdoor = kind.startswith(("animal", "car")) or bool(chance(rng, 0.2))
    floor = stage.ground(rng, around, outdoor=outdoor)
    stage.sky(rng)
    stage.lamps(rng, around)
    eye = stage.camera(rng, around)
    if order.pictures:
        _whole(rng, order.folder / picture_name(index), around, eye, outdoor=outdoor)
    for view in range(order.views):
        if view > 0:
            stage.camera(rng, around)
        _alone(floor, order.folder / subject_name(index, view))
    record = {
        "index": index,
        "seed": order.seed,
        "size": order.size,
        "samples": order.samples,
        "kind": kind,
        "views": order.views,
        "picture": order.pictures,
    }
    (order.folder / record_name(index)).write_text(json.dumps(record) + "\n", encoding="utf-8")


def render_missing(order: Order, count: int) -> int:
    """Fills the folder up to `count` scenes and returns how many were rendered now."""
    for name in ("pictures", "subjects", "records"):
        (order.folder / name).mkdir(parents=True, exist_ok=True)
    missing = [index for index in range(count) if not (order.folder / record_name(index)).exists()]
    for index in missing:
        render(order, index)
    return len(missing)
