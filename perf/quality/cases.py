"""What quality is measured on: booth scenes with every layer of the truth, and photos with a mask."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from perf.quality.figures import Bytes

MANIFEST = "manifest.jsonl"
PHOTOS = "photo"  # the category of photos, whose truth is only as good as whoever drew the masks


class QualityError(Exception):
    """Scenes, photos or the service are not what they must be; the text says which and what helps."""


class Throw(BaseModel):
    """How a scene's shadows fall, in the words of the service's options; `flat` things have none of the kind."""

    model_config = ConfigDict(frozen=True)

    direction: float
    length: float
    softness: float
    opacity: float
    contact: float
    flat: bool


class Line(BaseModel):
    """A line of a booth set's manifest, as far as it is needed here; paths are relative to its folder."""

    model_config = ConfigDict(frozen=True)

    image: Path
    mask: Path
    foreground: Path
    shadow: Path
    category: str
    white_on_white: bool
    cut: tuple[str, ...]
    throw: Throw
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """A photo's file and its mask's; `scene` has the rest of the truth of a generated one."""

    name: str
    category: str
    photo: Path
    mask: Path
    folder: Path
    scene: Line | None = None

    @property
    def white_on_white(self) -> bool:
        return self.scene is not None and self.scene.white_on_white

    @property
    def throw(self) -> Throw | None:
        """How its shadow falls where there is one to compare with: of things that stand, not cut off at their feet."""
        if self.scene is None or self.scene.throw.flat or "bottom" in self.scene.cut:
            return None
        return self.scene.throw

    def alpha(self) -> Bytes:
        return read(self.mask, cv2.IMREAD_GRAYSCALE)

    def colours(self) -> Bytes | None:
        """The true cut-out [h, w, 4] with straight colours; None of a photo."""
        if self.scene is None:
            return None
        foreground = read(self.folder / self.scene.foreground, cv2.IMREAD_COLOR_RGB)
        return np.dstack([foreground, self.alpha()])

    def shadow(self) -> Bytes | None:
        """The true opacity of the shadow, UINT8 [h, w]; None where there is none to compare with."""
        if self.scene is None or self.throw is None:
            return None
        return read(self.folder / self.scene.shadow, cv2.IMREAD_GRAYSCALE)


def read(path: Path, mode: int) -> Bytes:
    """Pixels of a file in OpenCV's mode. Raises QualityError where it is none."""
    try:
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), mode)
    except (OSError, cv2.error) as error:
        raise QualityError(f"{path}: not a readable picture ({error})") from error
    if pixels is None:
        raise QualityError(f"{path}: not a readable picture")
    return np.asarray(pixels, np.uint8)


def scenes(folder: Path, per_category: int) -> list[Case]:
    """The first so many booth scenes of each category. Raises QualityError where the folder is no set of them."""
    taken: dict[str, int] = {}
    cases = []
    for line in _lines(folder):
        taken[line.category] = taken.get(line.category, 0) + 1
        if taken[line.category] <= per_category:
            name = f"{line.category}-{line.image.stem}"
            cases.append(Case(name, line.category, folder / line.image, folder / line.mask, folder, line))
    if not cases:
        raise QualityError(f"{folder / MANIFEST} names no scene")
    return cases


def _lines(folder: Path) -> list[Line]:
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        return [Line.model_validate_json(line) for line in text.splitlines()]
    except OSError as error:
        raise QualityError(f"{folder}: no booth scenes; python -m training scenes --source booth makes some") from error
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"])) or "a line"
        raise QualityError(f"{folder / MANIFEST} is not of booth scenes: {where}: {found['msg']}") from error


def photos(folder: Path) -> list[Case]:
    """Every NAME.jpg that has a NAME.mask.png beside it. Raises QualityError where there is none."""
    pairs = [(path, path.with_suffix(".mask.png")) for path in sorted(folder.glob("*.jpg"))]
    cases = [Case(photo.stem, PHOTOS, photo, mask, folder) for photo, mask in pairs if mask.is_file()]
    if not cases:
        raise QualityError(f"{folder}: no NAME.jpg with a NAME.mask.png beside it")
    return cases


def digest(cases: Sequence[Case]) -> str:
    """Tells one selection of pictures from another, by name and content."""
    parts = [[case.name, _fingerprint(case.photo), _fingerprint(case.mask)] for case in cases]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
