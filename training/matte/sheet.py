"""A contact sheet: picture, truth, prediction and error side by side, one row a case."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

TILE = 256
CAPTION = 16


@dataclass(frozen=True)
class Case:
    """A row of the sheet: UINT8 picture [H, W, 3], truth and prediction [H, W]."""

    caption: str
    picture: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


def write_sheet(cases: Sequence[Case], path: Path) -> None:
    """Write the sheet as JPEG or PNG. In the error, red is subject that was missed, blue is ground that was taken."""
    rows = [(case.caption, (case.picture, case.truth, case.predicted, _error(case))) for case in cases]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet_of(rows).save(path)


def sheet_of(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]]) -> Image.Image:
    """Rows of a caption and four pictures of any size, UINT8 [H, W] or [H, W, 3]."""
    sheet = Image.new("RGB", (4 * TILE, max(1, len(rows)) * (TILE + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (caption, tiles) in enumerate(rows):
        top = row * (TILE + CAPTION)
        draw.text((4, top + 2), caption, fill="black")
        for column, tile in enumerate(tiles):
            small = ImageOps.contain(Image.fromarray(tile).convert("RGB"), (TILE, TILE))
            sheet.paste(small, (column * TILE, top + CAPTION))
    return sheet


def _error(case: Case) -> NDArray[np.uint8]:
    difference = case.predicted.astype(np.int16) - case.truth
    missed, taken = np.clip(-difference, 0, 255), np.clip(difference, 0, 255)
    return np.stack([missed, np.zeros_like(missed), taken], axis=-1).astype(np.uint8)
