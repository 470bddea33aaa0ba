"""Made-up names and words as stencils, and how they are put on a print."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from training.scenes.canvas import chance

Print = npt.NDArray[np.uint8]
"""(h, w, 3) encoded RGB."""
Stencil = npt.NDArray[np.uint8]
Ink = tuple[int, int, int]

STARTS = ("Ba", "Ko", "Mi", "Sol", "Ver", "Al", "Tri", "Or", "Fe", "Lu", "Na", "Pe", "Ru", "Zi", "Cro", "Ham", "Bel")
MIDDLES = ("la", "ri", "do", "ne", "vi", "sta", "mo", "ga", "li", "ber", "", "", "")
ENDS = ("na", "ro", "ta", "li", "x", "co", "ra", "ny", "tto", "s", "mo", "ell", "an", "go", "ko", "la")
WORDS = (
    "classic", "original", "bio", "fresh", "crunchy", "mild", "extra", "natur", "whole grain", "tomato", "vanilla",
    "choco", "honey", "lemon", "spicy", "sea salt", "paprika", "light", "family", "premium", "oat", "berry", "coffee",
    "rice", "pasta", "beans", "corn", "milk", "cream", "herbs", "olive", "soft", "citrus", "sensitive", "color", "zero",
)  # fmt: skip
AMOUNTS = ("500 g", "250 g", "1 kg", "330 ml", "1 L", "750 ml", "12 x", "400 g", "125 g", "2 x 80 g", "1,5 L")
SMALL = (
    "INGREDIENTS", "water", "sugar", "wheat", "flour", "salt", "oil", "may", "contain", "milk", "soy", "nuts", "best",
    "before", "see", "lid", "keep", "cool", "and", "dry",
)  # fmt: skip


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def name(rng: np.random.Generator) -> str:
    word = str(rng.choice(STARTS)) + str(rng.choice(MIDDLES)) + str(rng.choice(ENDS))
    return word.upper() if chance(rng, 0.45) else word


def drawn(line: str, size: int = 48, bold: int = 0) -> Stencil:
    """One line, cropped to itself, 0..255."""
    font = _font(size)
    left, top, right, low = (int(v) for v in font.getbbox(line, stroke_width=bold))
    page = Image.new("L", (max(2, right - left + 2), max(2, low - top + 2)))
    ImageDraw.Draw(page).text((1 - left, 1 - top), line, fill=255, font=font, stroke_width=bold)
    return np.asarray(page, dtype=np.uint8)


def sketched(line: str, font: int, bold: int) -> Stencil:
    """One line in one of OpenCV's stroked fonts."""
    (width, height), below = cv2.getTextSize(line, font, 1.6, bold)
    page = np.zeros((height + below + 8, width + 8), np.uint8)
    cv2.putText(page, line, (4, height + 3), font, 1.6, 255, bold, cv2.LINE_AA)
    return page


def written(rng: np.random.Generator, line: str) -> Stencil:
    """A line in a lettering of its own: bold, slanted, wide or narrow, stroked at times."""
    if chance(rng, 0.25):
        stencil = sketched(line, int(rng.choice([0, 2, 3, 4, 6, 7])), int(rng.integers(2, 7)))
    else:
        stencil = drawn(line, 48, int(rng.integers(0, 4)))
    slant = float(rng.choice([0.0, 0.0, 0.2, 0.35]))
    stretch = float(np.exp(rng.normal(0, 0.25)))
    height, width = stencil.shape
    turn = np.array([[stretch, -slant, slant * height], [0, 1, 0]], np.float32)
    return np.asarray(
        cv2.warpAffine(stencil, turn, (int(width * stretch + slant * height) + 1, height)), dtype=np.uint8
    )


def put(page: Print, stencil: Stencil, box: tuple[float, float, float, float], ink: Ink, *, fill: bool = False) -> None:
    """A stencil into the middle of a box (x, y, width, height; shares of the page); `fill` gives up its proportions."""
    rows, columns = page.shape[:2]
    x, y, width, height = box[0] * columns, box[1] * rows, box[2] * columns, box[3] * rows
    scale_x, scale_y = width / stencil.shape[1], height / stencil.shape[0]
    if not fill:
        scale_x, scale_y = min(scale_x, scale_y * 1.3), min(scale_y, scale_x * 1.4)
    size = max(1, round(stencil.shape[1] * scale_x)), max(1, round(stencil.shape[0] * scale_y))
    small = np.asarray(cv2.resize(stencil, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    blend(page, small, (round(x + (width - size[0]) / 2), round(y + (height - size[1]) / 2)), ink)


def blend(page: Print, stencil: Stencil, corner: tuple[int, int], ink: Ink) -> None:
    x, y = max(corner[0], 0), max(corner[1], 0)
    there = page[y : y + stencil.shape[0], x : x + stencil.shape[1]]
    if there.size == 0:
        return
    alpha = stencil[: there.shape[0], : there.shape[1], None].astype(np.float32) * np.float32(1 / 255)
    there[:] = (there + (np.array(ink, np.float32) - there) * alpha).astype(np.uint8)


@lru_cache(maxsize=1)
def _page_of_small_print() -> Stencil:
    return np.concatenate([_line(number) for number in range(14)])


def _line(number: int) -> Stencil:
    words = " ".join(SMALL[(number * 5 + step) % len(SMALL)] for step in range(7))
    line = drawn(words, 16)
    page = np.zeros((22, 340), np.uint8)
    width, height = min(line.shape[1], 340), min(line.shape[0], 20)
    page[:height, :width] = line[:height, :width]
    return page


def small_print(page: Print, box: tuple[float, float, float, float], ink: Ink) -> None:
    put(page, _page_of_small_print(), box, ink, fill=True)


def barcode(rng: np.random.Generator, page: Print, box: tuple[float, float, float, float]) -> None:
    put(page, np.full((8, 8), 255, np.uint8), box, (248, 248, 248), fill=True)
    bars = np.repeat(rng.integers(0, 2, (1, 60), dtype=np.uint8) * np.uint8(255), 20, axis=0)
    x, y, width, height = box
    put(page, bars, (x + width * 0.08, y + height * 0.1, width * 0.84, height * 0.75), (15, 15, 15), fill=True)
