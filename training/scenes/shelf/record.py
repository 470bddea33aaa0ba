"""A set of shelf photos or clips: which aisle a picture is of, its files, what its manifest says."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import cv2
import numpy as np

from training.scenes import camera
from training.scenes.shelf.assortment import Assortment
from training.scenes.shelf.scene import Frame, clip, photo
from training.scenes.shelf.screen import Numbers
from training.scenes.shelf.truth import Truth

RECIPE = 1  # raised whenever the same seed gives other pictures
PER_AISLE = 16  # photos in a row are of one aisle: the same products, shelves and tags
AISLE, PHOTO, CLIP = 1, 2, 3  # what a random number is for, so that no two draws are the same
FOLDERS = ("instances", "truth")
FRAMES, RATE = 60, 30.0  # of a clip, unless told

Line = dict[str, object]
Made = tuple[dict[str, bytes], Line]


def aisle(index: int, frames: int) -> int:
    """Every clip has an aisle of its own."""
    return index if frames else index // PER_AISLE


def group(seed: int, index: int, frames: int) -> str:
    """Unique over seeds and sources, so that sets can be joined and split by it."""
    return f"{'clip' if frames else 'aisle'}-{seed}-{aisle(index, frames):05d}"


@lru_cache(maxsize=2)
def _assortment(seed: int, source: int, number: int) -> Assortment:
    return Assortment.drawn(np.random.default_rng([seed, AISLE, source, number]))


def taken(seed: int, index: int, longer: int) -> Frame:
    """Photo `index` of a set, whatever others there are."""
    products = _assortment(seed, PHOTO, aisle(index, 0))
    return photo(np.random.default_rng([seed, PHOTO, index]), products, longer)


def filmed(seed: int, index: int, longer: int, frames: int, rate: float) -> Iterator[Frame]:
    """Clip `index` of a set, whatever others there are, frame by frame."""
    products = _assortment(seed, CLIP, aisle(index, frames))
    return clip(np.random.default_rng([seed, CLIP, index]), products, longer, frames, rate)


def made(seed: int, index: int, longer: int) -> Made:
    """A photo's files by their names in the set's folder, and what the manifest says of it."""
    frame = taken(seed, index, longer)
    names = _names(f"{index:06d}")
    files = {**_pictures(frame, names), names["truth"]: _lines([_told(frame, names)])}
    return files, {**names, **_whole(frame), **_facts([Tally.of(frame.truth)]), "group": group(seed, index, 0)}


def made_clip(seed: int, index: int, longer: int, frames: int, rate: float) -> Made:
    """A clip's files; `image`, `mask` and `instances` of the manifest's line are those of its first frame."""
    files: dict[str, bytes] = {}
    told: list[Line] = []
    tallies: list[Tally] = []
    whole: Line = {}
    for number, frame in enumerate(filmed(seed, index, longer, frames, rate)):
        names = _names(f"{index:06d}/{number:05d}")
        files |= _pictures(frame, names)
        told.append({"frame": number, "time": round(number / rate, 6), **_told(frame, names)})
        tallies.append(Tally.of(frame.truth))
        whole = whole or _whole(frame)
    truth = f"truth/{index:06d}.jsonl"
    files[truth] = _lines(told)
    facts = {"frames": frames, "rate": rate, "group": group(seed, index, frames)}
    return files, {**_names(f"{index:06d}/{0:05d}"), "truth": truth, **facts, **whole, **_facts(tallies)}


def _names(stem: str) -> dict[str, str]:
    return {
        "image": f"images/{stem}.jpg",
        "mask": f"masks/{stem}.png",
        "instances": f"instances/{stem}.png",
        "truth": f"truth/{stem}.jsonl",
    }


def _pictures(frame: Frame, names: dict[str, str]) -> dict[str, bytes]:
    return {
        names["image"]: camera.jpeg(frame.photo, frame.defects.quality),
        names["mask"]: camera.png(frame.truth.classes),
        names["instances"]: png16(frame.truth.numbers),
    }


def png16(numbers: Numbers) -> bytes:
    _, data = cv2.imencode(".png", numbers, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    return bytes(data.tobytes())


def _told(frame: Frame, names: dict[str, str]) -> Line:
    """A frame's line of the truth. Boxes are [x, y, width, height] in pixels."""
    truth = frame.truth
    return {
        "image": PurePosixPath(names["image"]).name,
        "coverage": _mean([] if truth.coverage is None else [truth.coverage]),
        "products": [asdict(seen) for seen in truth.products],
        "gaps": truth.gaps,
        "tags": truth.tags,
        "exposure": round(frame.defects.exposure, 4),
        "moved": np.round(frame.moved, 7).tolist(),
    }


def _lines(told: Iterable[Line]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in told).encode()


@dataclass(frozen=True)
class Tally:
    """What is counted of a frame; `shares` of its pixels by class."""

    counts: dict[str, int]
    coverage: float | None
    shares: dict[str, float]
    numbers: frozenset[int]

    @staticmethod
    def of(truth: Truth) -> "Tally":
        counts = {
            "products": len(truth.products),
            "foremost": sum(seen.row == 0 for seen in truth.products),
            "gaps": len(truth.gaps),
            "tags": len(truth.tags),
        }
        return Tally(counts, truth.coverage, truth.shares, frozenset(seen.number for seen in truth.products))


def _facts(tallies: list[Tally]) -> Line:
    """What the manifest says: of a clip means over its frames; `distinct` counts the products of all of them."""
    first = tallies[0]
    return {
        **{name: _mean([tally.counts[name] for tally in tallies]) for name in first.counts},
        "distinct": len(frozenset().union(*(tally.numbers for tally in tallies))),
        "coverage": _mean([tally.coverage for tally in tallies if tally.coverage is not None]),
        "shares": {name: _mean([tally.shares[name] for tally in tallies]) for name in first.shares},
    }


def _whole(frame: Frame) -> Line:
    """What is the same of all frames of a clip."""
    height, width = frame.truth.classes.shape
    return {"width": width, "height": height, "blockers": frame.blockers, "defects": asdict(frame.defects)}


def _mean(values: Sequence[float]) -> float | None:
    """None of none; a whole number where it is one."""
    if not values:
        return None
    mean = round(float(np.mean(values)), 4)
    return int(mean) if mean.is_integer() else mean
