"""A data set of scenes on disk: pictures, masks, a manifest. What is there is not made again."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from training.scenes import camera, composer
from training.scenes.booth import record
from training.scenes.composer import Scene
from training.scenes.kitchen import record as kitchen
from training.scenes.renders import Renders
from training.scenes.shelf import record as shelves

MANIFEST = "manifest.jsonl"
RECIPE = 3  # raised whenever the same seed gives other pictures, so that a folder never mixes two generators


class DatasetError(Exception):
    """The folder cannot hold the data set asked for."""


@dataclass(frozen=True)
class Plan:
    """`size` is the longer side in pixels. `renders` names a folder of rendered subjects; None: subjects are drawn.

    `booth` asks for photos of a shop's booth, square, with all of their layers. `kitchen` asks for steps of recipes by
    keyword, in this distribution of keywords. `shelf` asks for shelves of groceries: photos, or where it names a number
    of frames clips of so many, `rate` a second.
    """

    folder: Path
    seed: int
    size: int
    renders: Path | None = None
    booth: bool = False
    kitchen: str | None = None
    shelf: int | None = None
    rate: float = shelves.RATE

    @property
    def source(self) -> str:
        if self.shelf is not None:
            return f"shelf-video-{self.shelf}-{self.rate:g}" if self.shelf else "shelf"
        if self.kitchen is not None:
            return "kitchen" if self.kitchen == "even" else f"kitchen-{self.kitchen}"
        return "booth" if self.booth else "rendered" if self.renders else "composed"

    @property
    def recipe(self) -> int:
        if self.shelf is not None:
            return shelves.RECIPE
        if self.kitchen is not None:
            return kitchen.RECIPE
        return record.RECIPE if self.booth else RECIPE

    @property
    def folders(self) -> tuple[str, ...]:
        more = record.FOLDERS.values() if self.booth else shelves.FOLDERS if self.shelf is not None else ()
        return ("images", "masks", *more)

    @property
    def digest(self) -> str:
        """Which library of renders the subjects come from; empty where they are drawn."""
        return Renders.opened(self.renders).digest if self.renders else ""


Line = dict[str, object]


def image_name(index: int) -> str:
    return f"images/{index:06d}.jpg"


def mask_name(index: int) -> str:
    return f"masks/{index:06d}.png"


def _scene(plan: Plan, rng: np.random.Generator, index: int) -> Scene:
    """Of renders, the first pictures are the renders themselves, the others their subjects on composed grounds."""
    if plan.renders is None:
        return composer.scene(rng, plan.size)
    renders = Renders.opened(plan.renders)
    if index >= len(renders.pictures):
        return composer.scene(rng, plan.size, renders.chosen)
    light, subject = renders.whole(renders.pictures[index])
    return composer.taken(rng, light, subject, "rendered")


def make(plan: Plan, index: int) -> Line:
    """Makes one picture, whatever others there are, and returns its line of the manifest."""
    cv2.setNumThreads(1)
    files, facts = _taken(plan, index)
    for name, data in files.items():
        (plan.folder / name).parent.mkdir(exist_ok=True)
        (plan.folder / name).write_bytes(data)
    return {
        "index": index,
        "recipe": plan.recipe,
        "seed": plan.seed,
        "source": plan.source,
        "renders": plan.digest,
        "longer_side": plan.size,
        "image": image_name(index),
        "mask": mask_name(index),
        **facts,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }


Made = tuple[dict[str, bytes], Line]


def _taken(plan: Plan, index: int) -> Made:
    if plan.shelf is not None:
        return _at_shelf(plan, index, plan.shelf)
    if plan.kitchen is not None:
        return _in_kitchen(plan, index, plan.kitchen)
    rng = np.random.default_rng([plan.seed, index])
    return (_in_booth if plan.booth else _anywhere)(plan, rng, index)


def _at_shelf(plan: Plan, index: int, frames: int) -> Made:
    if frames:
        return shelves.made_clip(plan.seed, index, plan.size, frames, plan.rate)
    return shelves.made(plan.seed, index, plan.size)


def _in_booth(plan: Plan, rng: np.random.Generator, index: int) -> Made:
    taken = record.made(rng, plan.size, index)
    height, width = taken.alpha.shape
    facts = {"width": width, "height": height, **record.facts(taken, index)}
    return record.files(taken, image_name(index), mask_name(index), index), facts


def _in_kitchen(plan: Plan, index: int, distribution: str) -> Made:
    taken = kitchen.made(plan.seed, index, plan.size, distribution)
    height, width = taken.mask.shape
    facts = {"width": width, "height": height, **kitchen.facts(taken, plan.seed, index, distribution)}
    return kitchen.files(taken, image_name(index), mask_name(index)), facts


def _anywhere(plan: Plan, rng: np.random.Generator, index: int) -> Made:
    scene = _scene(plan, rng, index)
    files = {
        image_name(index): camera.jpeg(scene.picture, scene.defects.quality),
        mask_name(index): camera.png(scene.alpha),
    }
    height, width = scene.alpha.shape
    return files, {
        "width": width,
        "height": height,
        "subject": scene.subject,
        "material": scene.material,
        "ground": scene.ground,
        "coverage": round(scene.coverage, 4),
        "occluded": scene.occluded,
        "defects": asdict(scene.defects),
    }


def read_manifest(folder: Path) -> dict[int, Line]:
    """The manifest's lines by index; a last line that was cut off is left out."""
    lines: dict[int, Line] = {}
    path = folder / MANIFEST
    if not path.exists():
        return lines
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line: Line = json.loads(text)
        except json.JSONDecodeError:
            continue
        lines[int(str(line["index"]))] = line
    return lines


def _usable(plan: Plan, lines: dict[int, Line]) -> dict[int, Line]:
    asked = (plan.recipe, plan.seed, plan.size, plan.source, plan.digest)
    for line in lines.values():
        found = (line["recipe"], line["seed"], line["longer_side"], line["source"], line.get("renders", ""))
        if found != asked:
            raise DatasetError(
                f"{plan.folder} holds pictures of (recipe, seed, size, source, renders) {found}, not {asked}: "
                "name another folder or delete it"
            )
    return {index: line for index, line in lines.items() if all((plan.folder / name).exists() for name in _files(line))}


def _files(line: Line) -> list[str]:
    digests = line["sha256"]
    return list(digests) if isinstance(digests, dict) else []


class _Maker:
    """A plan that a worker process can be sent."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, index: int) -> Line:
        return make(self.plan, index)


def _lines(plan: Plan, indices: list[int], workers: int) -> Iterator[Line]:
    if workers <= 1:
        yield from map(_Maker(plan), indices)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_Maker(plan), indices, chunksize=8)


def generate(plan: Plan, count: int, workers: int, progress: Callable[[int, int], None] | None = None) -> int:
    """Fills `plan.folder` up to `count` pictures and returns how many were made now.

    Raises DatasetError where the folder cannot be written or holds pictures of another recipe, seed, size or source,
    and RendersError where there are no renders to take subjects from.
    """
    _require_writable(plan)
    known = _usable(plan, read_manifest(plan.folder))
    missing = [index for index in range(count) if index not in known]
    with (plan.folder / MANIFEST).open("a", encoding="utf-8") as manifest:
        for made, line in enumerate(_lines(plan, missing, workers), start=1):
            known[int(str(line["index"]))] = line
            manifest.write(json.dumps(line) + "\n")
            manifest.flush()
            if progress:
                progress(made, len(missing))
    _tidy(plan.folder, known)
    if plan.kitchen is not None:
        table = kitchen.table(known[index] for index in sorted(known))
        (plan.folder / kitchen.TABLE).write_text(table, encoding="utf-8")
    return len(missing)


def _require_writable(plan: Plan) -> None:
    folder = plan.folder
    try:
        for name in plan.folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).touch()
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written: {error.strerror}") from error


def _tidy(folder: Path, lines: dict[int, Line]) -> None:
    """The manifest in the order of its indices, each once."""
    fresh = folder / (MANIFEST + ".tmp")
    fresh.write_text("".join(json.dumps(lines[index]) + "\n" for index in sorted(lines)), encoding="utf-8")
    fresh.replace(folder / MANIFEST)
