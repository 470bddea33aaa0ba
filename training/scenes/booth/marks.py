"""What is printed on products: made-up names, numbers, scales and rings of text, as RGBA pictures 0..1."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.scenes.booth.light import Normals, Stuff
from training.scenes.booth.sheet import Sheet
from training.scenes.canvas import Array, Frame, chance

SYLLABLES = ("ka", "lu", "mi", "tor", "ven", "zo", "pha", "rex", "vi", "dor", "sel", "nox", "bri", "to", "gan", "ell")
WORDS = ("AF", "PRO", "MODE", "ISO", "II", "HD", "MACRO", "ED", "IF", "N", "X", "USM", "STM", "OIS", "DC", "G", "WR")
NUMBERS = (
    "1:1.8",
    "1:2.8",
    "1:4",
    "50mm",
    "85mm",
    "24-70",
    "70-200",
    "35mm",
    "D77",
    "D52",
    "0.45m",
    "1.5 ft",
    "inf",
    "1/8",
)

White = (0.82, 0.82, 0.8)


def name(rng: np.random.Generator) -> str:
    return "".join(str(rng.choice(SYLLABLES)) for _ in range(int(rng.integers(2, 4)))).upper()


def words(rng: np.random.Generator, count: int) -> str:
    return "  ".join(str(rng.choice(WORDS if chance(rng, 0.5) else NUMBERS)) for _ in range(count))


def text(line: str, colour: tuple[float, float, float], size: int = 48) -> Array:
    """One line, cropped to itself, (h, w, 4)."""
    font = ImageFont.load_default(size)
    left, top, right, low = (int(v) for v in font.getbbox(line))
    stencil = Image.new("L", (max(2, right - left + 4), max(2, low - top + 4)))
    ImageDraw.Draw(stencil).text((2 - left, 2 - top), line, fill=255, font=font)
    return _tinted(np.asarray(stencil, np.float32) / np.float32(255), colour)


def _tinted(mask: Array, colour: tuple[float, float, float]) -> Array:
    flat = np.broadcast_to(np.array(colour, np.float32), (*mask.shape, 3))
    return np.asarray(np.concatenate([flat, mask[..., None]], axis=2), np.float32)


def scale(rng: np.random.Generator, colour: tuple[float, float, float]) -> Array:
    """Numbers and ticks around a barrel's visible half, (160, 1600, 4)."""
    stencil = Image.new("L", (1600, 160))
    draw = ImageDraw.Draw(stencil)
    step = int(rng.integers(120, 260))
    for x in range(20 + int(rng.integers(0, 80)), 1560, step):
        draw.text((x, 26), str(rng.choice(NUMBERS)), fill=255, font=ImageFont.load_default(56))
        draw.line((x + 40, 116, x + 40, 150), fill=230, width=7)
    return _tinted(np.asarray(stencil, np.float32) / np.float32(255), colour)


def ring(rng: np.random.Generator, colour: tuple[float, float, float], inner: float) -> Array:
    """Text around a circle between `inner` and the rim, (384, 384, 4)."""
    line = f"{name(rng)}   {words(rng, 3)}   "
    strip = text(line, colour, 40)
    side = 384
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    far, around = np.hypot(x, y), (np.arctan2(x, -y) / (2 * np.pi) + 0.5 + rng.random()) % 1.0
    share = float(np.clip(strip.shape[1] / strip.shape[0] * (1 - inner) / (2 * np.pi * 0.9), 0.2, 1.0))
    across = (around / share * strip.shape[1]).astype(np.float32)
    down = ((1 - far) / (1 - inner) * strip.shape[0]).astype(np.float32)
    return np.asarray(
        cv2.remap(strip, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0))
    )


def stamped(sheet: Sheet, frame: Frame, corners: Array, mark: Array) -> None:
    """A mark (h, w, 4) on a quadrilateral (4, 2) in units, clockwise from its upper left."""
    points = frame.pixels(corners)
    if frame.mirrored:
        points = points[[1, 0, 3, 2]]
    window = sheet.window(points)
    height, width = mark.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = points - np.array([window.left, window.top], np.float32)
    turn = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    reduced = max(np.ptp(points[:, 0]) / width, np.ptp(points[:, 1]) / height)
    if reduced < 0.5:
        mark = np.asarray(cv2.GaussianBlur(mark, (0, 0), 0.35 / max(reduced, 0.02)), np.float32)
    there = cv2.warpPerspective(mark, turn, window.size[::-1], flags=cv2.INTER_LINEAR)
    facing = Normals.flat(window.size, (0.0, 0.0, 1.0))
    light = sheet.booth.lit(Stuff.grey(0.0, 0.02, 0.6), facing, np.ascontiguousarray(there[..., :3]))
    sheet.paint(window, np.clip(there[..., 3], 0, 1), light)


def line(corner: tuple[float, float], height: float, mark: Array, most: float = 9.0) -> Array:
    """The quadrilateral (4, 2) of a mark that begins at `corner`, of this height and its own width, at most `most`."""
    x, y = corner
    width = min(height * mark.shape[1] / mark.shape[0], most)
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
