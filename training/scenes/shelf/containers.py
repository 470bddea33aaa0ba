"""Round things. Each function draws measures; what it returns draws products of these measures by their prints."""

from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import Array, chance
from training.scenes.shelf import labels
from training.scenes.shelf.labels import Brand, Flavour, ink
from training.scenes.shelf.lettering import Ink, Print
from training.scenes.shelf.products import NO_OUTLINE, STEPS, Draw, Product, shaded, texels
from training.scenes.shelf.screen import Skin


def _around(page: Print, rest: Print, share: float, turned: float = 0.0) -> Print:
    """A front over `share` of the way around, the rest behind; the front's middle is the whole's middle."""
    height, width = page.shape[:2]
    whole = max(width + 2, round(width / share))
    around = cv2.resize(rest, (whole - width, height), interpolation=cv2.INTER_AREA)
    both = np.concatenate([page, np.asarray(around, np.uint8)], axis=1)
    return np.roll(both, (whole - width) // 2 + round(turned * whole), axis=1)


def _profile(points: list[tuple[float, float]]) -> Array:
    """Radii over heights (both any unit) to STEPS radii from foot to top, edges a little rounded."""
    heights, radii = np.array(points).T
    steps = np.linspace(heights[0], heights[-1], STEPS)
    sharp = np.interp(steps, heights, radii).astype(np.float32)
    kernel = np.array([0.1, 0.2, 0.4, 0.2, 0.1], np.float32)
    return np.asarray(np.convolve(np.pad(sharp, 2, mode="edge"), kernel, mode="valid"), dtype=np.float32)


def _lid(colour: Ink, ring: float) -> Skin:
    """A lid from above: rings, lighter at the rim."""
    page = np.zeros((48, 48, 3), np.uint8)
    page[:] = colour
    for radius, value in ((23, 1.1), (21, 0.75), (19, 1.0), (int(19 * ring), 0.85), (int(18 * ring), 1.05)):
        shade = tuple(float(min(255, channel * value)) for channel in colour)
        cv2.circle(page, (24, 24), radius, shade, -1, cv2.LINE_AA)
    return Skin.encoded(page)


def _bodies(
    page: Print, height: float, zones: list[tuple[float, float, Ink | None]], shade: Array | None = None
) -> Print:
    """The print of a whole round thing: zones (from, to, in centimetres above the foot, colour or None: the label)."""
    rows = round(page.shape[0] * height / max(sum(high - low for low, high, ink_ in zones if ink_ is None), 1.0))
    whole = np.zeros((rows, page.shape[1], 3), np.uint8)
    for low, high, colour in zones:
        top, bottom = round((1 - high / height) * rows), round((1 - low / height) * rows)
        if bottom <= top:
            continue
        whole[top:bottom] = (
            cv2.resize(page, (page.shape[1], bottom - top), interpolation=cv2.INTER_AREA) if colour is None else colour
        )
    return whole if shade is None else shaded(whole, np.broadcast_to(shade[:, None], whole.shape[:2]))


def _label(rng: np.random.Generator, radius: float, height: float, brand: Brand, flavour: Flavour) -> Print:
    """A label that goes around."""
    share = float(rng.uniform(0.36, 0.5))
    size = texels(2 * np.pi * radius * share, height)
    page = labels.front(rng, size, brand, flavour)
    return _around(page, labels.back(rng, size, brand, flavour), share)


def can(rng: np.random.Generator) -> Draw:
    """Tins with a label of paper, or printed drinks."""
    drink = chance(rng, 0.35)
    radius = float(rng.uniform(2.7, 3.4) if drink else rng.uniform(3.2, 5.2))
    height = float(rng.uniform(11, 17) if drink else rng.uniform(3.5, 13))

    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        tin = ink(0.6, 0.04, float(rng.uniform(0.6, 0.85)))
        rim = 0.35
        page = _label(rng, radius, height, brand, flavour)
        zones: list[tuple[float, float, Ink | None]] = [
            (rim, height - rim, None),
            (0, rim, tin),
            (height - rim, height, tin),
        ]
        neck = radius * (0.86 if drink else 0.99)
        bend = 1.2 if drink else 0.3
        points = [(0, neck), (bend, radius), (height - bend, radius), (height, neck)]
        skins = {"front": Skin.encoded(_bodies(page, height, zones)), "top": _lid(tin, 0.75)}
        return Product(
            "can", "round", (radius * 2, height, radius * 2), MappingProxyType(skins), _profile(points), NO_OUTLINE,
            0.5 if drink else 0.3, 0.8 if drink else 0.25, 1 if drink else int(rng.integers(1, 4)),
        )  # fmt: skip

    return draw


def bottle(rng: np.random.Generator) -> Draw:
    """Water, wine, oil, shampoo: body, shoulders, neck and cap."""
    radius, height = float(rng.uniform(2.8, 4.8)), float(rng.uniform(17, 33))
    neck = radius * float(rng.uniform(0.3, 0.5))
    body, shoulder = height * float(rng.uniform(0.5, 0.68)), height * float(rng.uniform(0.72, 0.86))
    low, high = height * float(rng.uniform(0.05, 0.2)), body * float(rng.uniform(0.9, 1.0))
    cap = height * float(rng.uniform(0.88, 0.95))
    waist = radius * float(rng.choice([1.0, 1.0, 0.93]))

    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        liquid = ink(
            float(rng.choice([0.08, 0.15, 0.3, 0.55, 0.98, rng.random()])),
            rng.uniform(0.1, 0.9),
            rng.uniform(0.15, 0.9),
        )
        lid = flavour.tint if chance(rng, 0.5) else brand.accent
        page = _label(rng, radius, high - low, brand, flavour)
        air = ink(0.5, 0.05, 0.75) if chance(rng, 0.4) else liquid
        zones: list[tuple[float, float, Ink | None]] = [
            (0, shoulder, liquid), (shoulder, cap, air), (low, high, None), (cap, height, lid),
        ]  # fmt: skip
        points = [
            (0, radius * 0.92), (0.8, radius), (body * 0.5, waist), (body, radius),
            ((body + shoulder) / 2, (radius * 1.5 + neck) / 2.4),
            (shoulder, neck), (cap - 0.1, neck), (cap, neck * 1.15), (height, neck * 1.1),
        ]  # fmt: skip
        skins = {"front": Skin.encoded(_bodies(page, height, zones)), "top": _lid(lid, 0.8)}
        return Product(
            "bottle", "round", (radius * 2, height, radius * 2), MappingProxyType(skins), _profile(points), NO_OUTLINE,
            float(rng.uniform(0.5, 1.0)), 0.0, 1,
        )  # fmt: skip

    return draw


def jar(rng: np.random.Generator) -> Draw:
    """Glass with its contents, a label and a lid."""
    radius, height = float(rng.uniform(3, 5)), float(rng.uniform(7, 16))

    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        inside = ink(float(rng.choice([0.02, 0.08, 0.13, 0.25])), rng.uniform(0.5, 1), rng.uniform(0.3, 0.8))
        lid = brand.accent if chance(rng, 0.6) else ink(0.13, 0.5, 0.75)
        low, high, cap = height * 0.12, height * float(rng.uniform(0.6, 0.75)), height - float(rng.uniform(1.2, 1.9))
        page = _label(rng, radius, high - low, brand, flavour)
        zones: list[tuple[float, float, Ink | None]] = [(0, cap, inside), (low, high, None), (cap, height, lid)]
        points = [
            (0, radius * 0.93), (0.6, radius), (cap - 1.6, radius), (cap - 0.4, radius * 0.86),
            (cap, radius * 0.93), (height, radius * 0.93),
        ]  # fmt: skip
        skins = {"front": Skin.encoded(_bodies(page, height, zones)), "top": _lid(lid, 0.85)}
        return Product(
            "jar", "round", (radius * 2, height, radius * 2), MappingProxyType(skins), _profile(points), NO_OUTLINE,
            0.9, 0.0, int(rng.integers(1, 3)),
        )  # fmt: skip

    return draw


def cup(rng: np.random.Generator) -> Draw:
    """Yoghurt, dips, noodles: wider above."""
    radius, height = float(rng.uniform(3.2, 5.5)), float(rng.uniform(5.5, 12))

    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        lid = ink(0.6, 0.05, 0.88) if chance(rng, 0.5) else flavour.tint
        page = _label(rng, radius, height, brand, flavour)
        zones: list[tuple[float, float, Ink | None]] = [(0, height - 0.4, None), (height - 0.4, height, lid)]
        points = [(0, radius * 0.78), (height - 0.5, radius * 0.96), (height - 0.3, radius), (height, radius)]
        skins = {"front": Skin.encoded(_bodies(page, height, zones)), "top": _lid(lid, 0.9)}
        return Product(
            "cup", "round", (radius * 2, height, radius * 2), MappingProxyType(skins), _profile(points), NO_OUTLINE,
            0.3, 0.0, int(rng.integers(1, 4)),
        )  # fmt: skip

    return draw
