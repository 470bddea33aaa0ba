"""The pipelines of product photos, each a list of steps, from the network's matte to a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imaging import box, compose, formats, ground, place, refine, shadow, template, template_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes
    from imaging.cutout import CutOut
    from imaging.formats import File
    from imaging.product_options import (
        CutoutOptions,
        Encode,
        PhotoOptions,
        PhotoTemplate,
        Refine,
        Template,
        TemplateOptions,
    )
    from imaging.room import Reserve
    from imaging.shelf import Shelf

OPAQUE = 255
NOWHERE = np.zeros(4, np.int32)


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded photo: the network's matte `small` UINT8 [h, w], the picture `full` UINT8 [H, W, 3], its own alpha."""

    small: Bytes
    full: Bytes
    coverage: Bytes | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A file, its size, and the subject's box on it (xmin, ymin, xmax, ymax) in pixels, None where none was found."""

    file: File
    width: int
    height: int
    box: tuple[int, int, int, int] | None

    def report(self, **more: object) -> bytes:
        facts = {"media_type": self.file.media_type, "extension": self.file.extension}
        sizes = {"width": self.width, "height": self.height, "box": self.box}
        return json.dumps(facts | sizes | more).encode()


def cutout(shot: Shot, wishes: CutoutOptions) -> Result:
    """The subject on nothing, where it is in the photo."""
    cut = _cut(shot, wishes.refine)
    return _result(cut.pixels, wishes.encode, cut.box)


def photo(shot: Shot, wishes: PhotoOptions, shelf: Shelf) -> Result:
    """The subject placed on a ground where the template leaves room, with its shadow, and the template over it."""
    reserve = _reserve(wishes.template, shelf)
    cut = _cut(shot, wishes.refine)
    placement = place.planned(cut, wishes.place, reserve)
    subject = place.placed(cut, placement)
    height, width = subject.shape[:2]
    picture = ground.laid(height, width, wishes.ground)
    opacity = shadow.cast(subject, wishes.shadow, placement.cut)
    picture = compose.composed(picture, opacity, wishes.shadow.color, subject)
    picture = _drawn(picture, wishes.template, shelf)
    return _result(picture, wishes.encode, box.firm(subject[..., 3]))


def rendered(full: Bytes, coverage: Bytes | None, wishes: TemplateOptions, shelf: Shelf) -> Result:
    """A template over a picture UINT8 [H, W, 3] that stays as it is."""
    own = np.full(full.shape[:2], OPAQUE, np.uint8) if coverage is None else coverage
    picture = _drawn(np.dstack([full, own]), wishes.template, shelf)
    return _result(picture, wishes.encode, NOWHERE)


def _cut(shot: Shot, wishes: Refine) -> CutOut:
    return refine.refined(shot.small, shot.full, shot.coverage, wishes)


def _reserve(wishes: PhotoTemplate | None, shelf: Shelf) -> Reserve | None:
    if wishes is None or not wishes.reserve:
        return None
    return template_room.reserve(shelf.load(wishes.name, wishes.version), wishes.fields)


def _drawn(picture: Bytes, wishes: Template | None, shelf: Shelf) -> Bytes:
    if wishes is None:
        return picture
    return template.drawn(picture, shelf.load(wishes.name, wishes.version), wishes.fields)


def _result(picture: Bytes, wishes: Encode, subject: NDArray[np.int32]) -> Result:
    xmin, ymin, xmax, ymax = (int(side) for side in subject)
    height, width = picture.shape[:2]
    found = (xmin, ymin, xmax, ymax) if xmax > xmin else None
    return Result(formats.encoded(picture, wishes), width, height, found)
