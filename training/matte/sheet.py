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
    sheet = Image.new("RGB", (4 * TILE, max(1, len(cases)) * (TILE + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, case in enumerate(cases):
        top = row * (TILE + CAPTION)
        draw.text((4, top + 2), case.caption, fill="black")
        for column, tile in enumerate((case.picture, case.truth, case.predicted, _error(case))):
            small = ImageOps.contain(Image.fromarray(tile).convert("RGB"), (TILE, TILE))
            sheet.paste(small, (column * TILE, top + CAPTION))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _error(case: Case) -> NDArray[np.uint8]:
    difference = case.predicted.astype(np.int16) - case.truth
    missed, taken = np.clip(-difference, 0, 255), np.clip(difference, 0, 255)
    return np.stack([missed, np.zeros_like(missed), taken], axis=-1).astype(np.uint8)
