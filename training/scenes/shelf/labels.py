"""Prints of packages: a brand's colours and layout, a flavour's name and picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import chance
from training.scenes.shelf.lettering import AMOUNTS, WORDS, Ink, Print, barcode, drawn, name, put, small_print, written

DARK: Ink = (28, 26, 30)
WHITE: Ink = (248, 248, 244)


def ink(hue: float, saturation: float, value: float) -> Ink:
    """Hue in turns; saturation and value 0..1."""
    hsv = np.array([[[hue % 1 * 180, np.clip(saturation, 0, 1) * 255, np.clip(value, 0, 1) * 255]]])
    r, g, b = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return r, g, b


def light(colour: Ink) -> bool:
    return colour[0] * 0.3 + colour[1] * 0.59 + colour[2] * 0.11 > 140


def against(colour: Ink) -> Ink:
    return DARK if light(colour) else WHITE


@dataclass(frozen=True)
class Brand:
    """What all products of a brand share. `layout` names one of LAYOUTS, `look` seeds its lettering."""

    title: str
    ground: Ink
    accent: Ink
    second: Ink
    layout: str
    look: int

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Brand":
        hue = float(rng.random())
        ground = (
            ink(hue, rng.uniform(0.0, 0.15), rng.uniform(0.85, 1.0))
            if chance(rng, 0.35)
            else ink(hue, rng.uniform(0.45, 1.0), rng.uniform(0.2, 0.95))
        )
        accent = ink(hue + float(rng.choice([0.08, 0.33, 0.5, 0.9])), rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0))
        second = WHITE if chance(rng, 0.5) else ink(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.1, 1.0))
        layout = str(rng.choice(list(LAYOUTS)))
        return Brand(name(rng), ground, accent, second, layout, int(rng.integers(1 << 30)))


@dataclass(frozen=True)
class Flavour:
    """What tells a product from others of its brand; `tint` takes the place of the brand's accent."""

    word: str
    tint: Ink
    picture: int
    amount: str

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Flavour":
        return Flavour(
            str(rng.choice(WORDS)),
            ink(rng.random(), rng.uniform(0.55, 1.0), rng.uniform(0.45, 1.0)),
            int(rng.integers(1 << 30)),
            str(rng.choice(AMOUNTS)),
        )


def _rows(page: Print, low: float, high: float, colour: Ink) -> None:
    height = page.shape[0]
    page[round(low * height) : round(high * height)] = colour


def _polygon(page: Print, points: list[tuple[float, float]], colour: Ink) -> None:
    height, width = page.shape[:2]
    there = np.round(np.array(points) * (width, height) * 16).astype(np.int32)
    cv2.fillPoly(page, [there], colour, cv2.LINE_AA, 4)


def _oval(page: Print, centre: tuple[float, float], radii: tuple[float, float], colour: Ink, angle: float = 0) -> None:
    """`radii` as shares of the width."""
    height, width = page.shape[:2]
    middle = round(centre[0] * width), round(centre[1] * height)
    axes = max(1, round(radii[0] * width)), max(1, round(radii[1] * width))
    cv2.ellipse(page, middle, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)


def food(page: Print, flavour: Flavour, centre: tuple[float, float], reach: float) -> None:
    """A heap of shaded pieces, on a plate at times, or one large fruit."""
    rng = np.random.default_rng(flavour.picture)
    ratio = page.shape[1] / page.shape[0]
    hue, count = float(rng.uniform(-0.03, 0.3)), int(rng.choice([1, 3, 9, 22]))
    if chance(rng, 0.4):
        _oval(page, centre, (reach, reach * 0.8), WHITE)
        _oval(page, centre, (reach * 0.85, reach * 0.66), ink(hue, 0.15, 0.85))
    size = reach * float(np.clip(1.1 / np.sqrt(count), 0.16, 0.85))
    flat, turn = float(rng.uniform(0.35, 1.0)), float(rng.uniform(0, 180))
    for _ in range(count):
        far, way = reach * 0.6 * np.sqrt(rng.random()) * (count > 1), rng.uniform(0, 6.3)
        x, y = centre[0] + far * np.cos(way), centre[1] + far * np.sin(way) * ratio * 0.8
        angle, value = turn + rng.uniform(-50, 50), rng.uniform(0.55, 0.95)
        _oval(page, (x, y), (size, size * flat), ink(hue, 0.85, value * 0.6), angle)
        _oval(page, (x - size * 0.05, y - size * 0.06), (size * 0.88, size * flat * 0.85), ink(hue, 0.75, value), angle)
        _oval(
            page,
            (x - size * 0.25, y - size * flat * 0.3 * ratio),
            (size * 0.3, size * flat * 0.2),
            ink(hue, 0.35, 1.0),
            angle,
        )


def _title(page: Print, brand: Brand, box: tuple[float, float, float, float], colour: Ink) -> None:
    put(page, written(np.random.default_rng(brand.look), brand.title), box, colour)


def _word(page: Print, flavour: Flavour, box: tuple[float, float, float, float], colour: Ink) -> None:
    put(page, written(np.random.default_rng(flavour.picture), flavour.word), box, colour)


def _banded(page: Print, brand: Brand, flavour: Flavour) -> None:
    page[:] = brand.ground
    _rows(page, 0.07, 0.34, brand.accent)
    _title(page, brand, (0.06, 0.09, 0.88, 0.22), against(brand.accent))
    food(page, flavour, (0.5, 0.6), 0.3)
    _rows(page, 0.82, 0.95, flavour.tint)
    _word(page, flavour, (0.08, 0.83, 0.84, 0.11), against(flavour.tint))


def _swung(page: Print, brand: Brand, flavour: Flavour) -> None:
    page[:] = flavour.tint
    xs = np.linspace(0, 1, 24)
    edge = [(float(x), 0.42 + 0.1 * float(np.sin(x * 4 + brand.look % 7))) for x in xs]
    _polygon(page, [(0, 0), *edge, (1, 0)], brand.ground)
    _title(page, brand, (0.06, 0.06, 0.88, 0.26), against(brand.ground))
    _word(page, flavour, (0.15, 0.85, 0.7, 0.1), against(flavour.tint))
    food(page, flavour, (0.52, 0.64), 0.32)


def _framed(page: Print, brand: Brand, flavour: Flavour) -> None:
    page[:] = brand.ground
    _polygon(page, [(0.09, 0.06), (0.91, 0.06), (0.91, 0.94), (0.09, 0.94)], brand.second)
    _polygon(page, [(0.09, 0.6), (0.91, 0.48), (0.91, 0.94), (0.09, 0.94)], flavour.tint)
    _title(page, brand, (0.13, 0.12, 0.74, 0.2), against(brand.second))
    _word(
        page,
        flavour,
        (0.15, 0.34, 0.7, 0.1),
        brand.ground if light(brand.ground) != light(brand.second) else against(brand.second),
    )
    food(page, flavour, (0.5, 0.72), 0.24)


def _medal(page: Print, brand: Brand, flavour: Flavour) -> None:
    page[:] = brand.ground
    _rows(page, 0.72, 1.0, flavour.tint)
    _rows(page, 0.7, 0.72, brand.second)
    _oval(page, (0.5, 0.34), (0.42, 0.3), brand.accent)
    _oval(page, (0.5, 0.34), (0.39, 0.27), brand.second)
    _title(page, brand, (0.14, 0.24, 0.72, 0.2), against(brand.second))
    _word(page, flavour, (0.1, 0.78, 0.8, 0.14), against(flavour.tint))


def _plain(page: Print, brand: Brand, flavour: Flavour) -> None:
    """A shop's own, mostly empty print."""
    page[:] = brand.ground
    _title(page, brand, (0.12, 0.12, 0.5, 0.1), against(brand.ground))
    _word(
        page,
        flavour,
        (0.1, 0.3, 0.8, 0.2),
        flavour.tint if light(flavour.tint) != light(brand.ground) else against(brand.ground),
    )
    _polygon(page, [(0.1, 0.62), (0.9, 0.62), (0.9, 0.65), (0.1, 0.65)], flavour.tint)
    small_print(page, (0.1, 0.7, 0.5, 0.14), against(brand.ground))


def _striped(page: Print, brand: Brand, flavour: Flavour) -> None:
    page[:] = brand.ground
    count, slant = 4 + brand.look % 6, 0.3 * (brand.look % 3)
    for number in range(-2, count + 2):
        x, wide = number / count, 0.5 / count
        _polygon(page, [(x, 1), (x + wide, 1), (x + wide + slant, 0), (x + slant, 0)], flavour.tint)
    _rows(page, 0.28, 0.62, brand.second)
    _title(page, brand, (0.06, 0.31, 0.88, 0.18), against(brand.second))
    _word(page, flavour, (0.15, 0.5, 0.7, 0.1), against(brand.second))


def _pictured(page: Print, brand: Brand, flavour: Flavour) -> None:
    """A large picture under the name."""
    ramp = np.linspace(0, 1, page.shape[0], dtype=np.float32)[:, None, None]
    page[:] = (np.array(brand.ground) * (1 - ramp) + np.array(flavour.tint) * ramp).astype(np.uint8)
    food(page, flavour, (0.5, 0.58), 0.44)
    _rows(page, 0.05, 0.27, brand.accent)
    _title(page, brand, (0.08, 0.07, 0.84, 0.18), against(brand.accent))
    _word(page, flavour, (0.1, 0.86, 0.6, 0.09), against(flavour.tint))


LAYOUTS: Mapping[str, Callable[[Print, Brand, Flavour], None]] = MappingProxyType(
    {
        "banded": _banded,
        "swung": _swung,
        "framed": _framed,
        "medal": _medal,
        "plain": _plain,
        "striped": _striped,
        "pictured": _pictured,
    }
)


def _badge(rng: np.random.Generator, page: Print) -> None:
    """NEW, 20 % more, and the like."""
    x, y = rng.uniform(0.18, 0.82), rng.uniform(0.4, 0.85)
    colour = ink(float(rng.choice([0.0, 0.13, 0.3])), 0.95, 0.95)
    _oval(page, (x, y), (0.15, 0.14), colour, float(rng.uniform(-20, 20)))
    line = str(rng.choice(["NEW", "+20%", "BIO", "XXL", "2x", "%"]))
    put(page, drawn(line, 32, 1), (x - 0.11, y - 0.05, 0.22, 0.1), against(colour))


def front(rng: np.random.Generator, size: tuple[int, int], brand: Brand, flavour: Flavour) -> Print:
    """The print (height, width) that customers look at."""
    page = np.zeros((*size, 3), np.uint8)
    LAYOUTS[brand.layout](page, brand, flavour)
    if chance(rng, 0.3):
        _badge(rng, page)
    put(page, drawn(flavour.amount, 24), (0.62, 0.95, 0.33, 0.04), against(brand.ground))
    return page


def back(rng: np.random.Generator, size: tuple[int, int], brand: Brand, flavour: Flavour) -> Print:
    """Sides and backs: small print and a bar code."""
    page = np.zeros((*size, 3), np.uint8)
    page[:] = brand.ground
    _rows(page, 0.08, 0.2, flavour.tint)
    _title(page, brand, (0.1, 0.09, 0.8, 0.1), against(flavour.tint))
    small_print(page, (0.1, 0.28, 0.8, 0.3), against(brand.ground))
    barcode(rng, page, (0.15, 0.68, 0.6, 0.2))
    return page
