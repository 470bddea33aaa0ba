"""The subject onto its canvas: where, and how large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from imaging import box
from imaging.errors import ImageError
from imaging.product_options import PIXEL_LIMIT, SIDE_LIMIT, pixels
from imaging.resample import Axis, resampled

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.cutout import CutOut
    from imaging.product_options import Place
    from imaging.room import Reserve

Edge: TypeAlias = Literal["left", "top", "right", "bottom"]

SOLID = 128  # alpha from which a pixel at the photo's edge is a part of the subject
CUT_SHARE = 0.005  # of the box' side that must be solid at the photo's edge: a whisker that leaves the frame is no cut
LARGEST_SCALE = 16.0  # of the subject; beyond it there is nothing to be seen but a blur
ROUNDS = 128  # for a fitted canvas and what is kept free of it to agree; 7 where that is a fifth
SHARES = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}


class PlacementError(ImageError):
    """The subject cannot be placed as asked; the text says what was asked and what is allowed."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A canvas, and the photo on it: canvas = scale * photo + (left, top), in pixels from the upper left corner.

    `cut` names the sides where the photo's frame cuts the subject.
    """

    height: int
    width: int
    scale: float
    left: float
    top: float
    cut: frozenset[Edge]


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: the subject reaches from `low` to `high` in the photo, and `centre` of it is centred.

    What of it can be seen ends at the pixels `whole`. `before` and `after` are the lengths to keep free at the ends,
    none at an end where it is flush. The pixels `kept` by `keeper` stay free of it even there.
    """

    low: float
    high: float
    whole: tuple[int, int]
    centre: float
    before: tuple[str, ...]
    after: tuple[str, ...]
    flush: tuple[bool, bool]
    share: float
    kept: tuple[int, int] = (0, 0)
    keeper: str = ""

    @property
    def extent(self) -> float:
        return self.high - self.low

    @property
    def whole_extent(self) -> int:
        return self.whole[1] - self.whole[0]

    def free(self, side: int) -> int:
        return side - sum(self.kept)

    def room(self, side: int) -> tuple[float, float]:
        """Return where the room left on a canvas of that side begins and ends. Raises PlacementError for no room."""
        before, after = _sum(self.before, side), _sum(self.after, side)
        if self.free(side) < 1:
            raise PlacementError(
                f"{self.keeper} takes all of a canvas of {side} pixels: it must leave the subject room"
            )
        if self.free(side) - before - after < 1:
            kept = f", beside the {self.kept[0]} and {self.kept[1]} that {self.keeper} takes," if any(self.kept) else ""
            raise PlacementError(
                f"padding and margin of {before:g} and {after:g} pixels{kept} leave no room for the subject on a "
                f"canvas of {side}: at least 1 pixel must be left"
            )
        return self.kept[0] + before, side - self.kept[1] - after

    def fitted(self) -> tuple[int, int]:
        """Return the canvas' side and the free pixels before the subject, for the subject at its own scale."""
        fixed = sum(_sum(ends, 0) for ends in (self.before, self.after))
        share = sum(_sum(ends, 1) for ends in (self.before, self.after)) - fixed
        if share >= 1:
            raise PlacementError(f"padding and margin take {share:.0%} of the canvas: they must leave room")
        side = (self.whole_extent + fixed + sum(self.kept)) / (1 - share)
        before, after = (
            kept + round(_sum(ends, side)) for kept, ends in zip(self.kept, (self.before, self.after), strict=True)
        )
        return before + self.whole_extent + after, before

    def offset(self, scale: float, side: int, *, inside: bool) -> float:
        """Return where the photo begins; `inside` keeps the whole subject where nothing else is."""
        start, stop = self.room(side)
        extent = scale * self.extent
        begin = start + (stop - start - extent) * self.share
        if self.share == SHARES["center"]:
            optical = (start + stop) / 2 - scale * (self.centre - self.low)
            first, last = sorted((start, stop - extent))
            begin = min(max(optical, first), last)
        if inside:
            first, last = (scale * (self.low - end) for end in self.whole)
            begin = min(max(begin, self.kept[0] + first), side - self.kept[1] + last)
        return begin - scale * self.low


def planned(cut: CutOut, wishes: Place, reserve: Reserve | None = None) -> Placement:
    """Return where the subject comes to lie. Raises PlacementError.

    What `reserve` takes of the canvas counts as its end: the rest is the area. Lengths remain those of the canvas.
    Fitted into the room that padding and margin leave, a subject never leaves the area. On a side where the photo's
    frame cuts it, `snap` lays it flush with the area's edge; where both sides of an axis are cut it spans the area, at
    the cost of padding along the other axis, as far as it stays in the area. `fill` may take it over the edge, and a
    subject that is `as_is` knows of no area.
    """
    if not cut.box.any():
        raise PlacementError("there is no subject to place: nothing was found in the picture")
    edges = cut_edges(cut)
    if wishes.subject == "as_is":
        return _as_is(cut, wishes, edges)
    axes = _axes(cut, wishes, edges if wishes.snap else frozenset())
    if wishes.size == "fitted":
        return _fitted(axes, reserve, edges)
    height, width = cut.alpha.shape if wishes.size == "original" else wishes.size[::-1]
    _check_canvas(height, width)
    columns, rows = _within(axes, reserve, height, width)
    scale = _scale(columns, rows, (width, height), wishes.scale)
    _check_scale(scale, cut)
    inside = wishes.scale == "fit"
    left, top = columns.offset(scale, width, inside=inside), rows.offset(scale, height, inside=inside)
    return Placement(height, width, scale, left, top, edges)


def placed(cut: CutOut, placement: Placement) -> Bytes:
    """Return the canvas, RGBA UINT8 [height, width, 4], straight, transparent around the subject.

    A subject that keeps its scale and moves by whole pixels keeps its pixels.
    """
    height, width = cut.alpha.shape
    moves = placement.left, placement.top
    if placement.scale == 1 and all(move.is_integer() for move in moves):
        return _moved(cut.pixels, placement)
    rows = Axis(placement.scale, placement.top, height, placement.height)
    columns = Axis(placement.scale, placement.left, width, placement.width)
    return resampled(cut.pixels, cut.alpha, rows, columns)


def cut_edges(cut: CutOut) -> frozenset[Edge]:
    """Return the sides where the photo's frame cuts the subject, and not just a hair of it."""
    left, top, right, bottom = (int(side) for side in cut.box)
    lines: dict[Edge, tuple[Bytes, int]] = {
        "left": (cut.alpha[:, 0], bottom - top),
        "top": (cut.alpha[0], right - left),
        "right": (cut.alpha[:, -1], bottom - top),
        "bottom": (cut.alpha[-1], right - left),
    }
    solid = {edge: np.count_nonzero(line >= SOLID) / extent for edge, (line, extent) in lines.items()}
    return frozenset(edge for edge, share in solid.items() if share >= CUT_SHARE)


def _sum(lengths: tuple[str, ...], side: float) -> float:
    return sum(pixels(length, 0) + (pixels(length, 1) - pixels(length, 0)) * side for length in lengths)


def _axes(cut: CutOut, wishes: Place, flush: frozenset[Edge]) -> tuple[_Axis, _Axis]:
    left, top, right, bottom = (int(side) for side in box.firm(cut.alpha))
    edges = box.outline(cut.alpha)
    centre = (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2
    if wishes.center == "optical":
        centre = _centre_of_mass(cut.alpha[top:bottom, left:right], left, top)
    free = {
        edge: () if edge in flush else (getattr(wishes.padding, edge), getattr(wishes.margin, edge))
        for edge in ("left", "top", "right", "bottom")
    }
    sides = ("left" in flush, "right" in flush), ("top" in flush, "bottom" in flush)
    across, along = (left, right), (top, bottom)
    shares = _share(sides[0], wishes.horizontal), _share(sides[1], wishes.vertical)
    even = wishes.center == "box" and wishes.scale == "fit"
    columns, rows = (
        _ends(whole, middle, even=even and not any(cut_here) and share == SHARES["center"])
        for whole, middle, cut_here, share in zip((across, along), centre, sides, shares, strict=True)
    )
    return (
        _Axis(*columns, across, centre[0], free["left"], free["right"], sides[0], shares[0]),
        _Axis(*rows, along, centre[1], free["top"], free["bottom"], sides[1], shares[1]),
    )


def _ends(whole: tuple[int, int], middle: float, *, even: bool) -> tuple[float, float]:
    """Return ends, `even`: as far from the edges' middle on both sides, so that all of the fringe is in the padding."""
    if not even:
        return whole
    reach = max(middle - whole[0], whole[1] - middle)
    return middle - reach, middle + reach


def _share(flush: tuple[bool, bool], wish: str) -> float:
    """Return how much of what the subject leaves free lies before it: none where it is flush there."""
    return SHARES[wish] if flush[0] == flush[1] else float(flush[1])


def _centre_of_mass(alpha: Bytes, left: int, top: int) -> tuple[float, float]:
    moments = cv2.moments(alpha)
    return left + 0.5 + moments["m10"] / moments["m00"], top + 0.5 + moments["m01"] / moments["m00"]


def _within(axes: tuple[_Axis, _Axis], reserve: Reserve | None, height: int, width: int) -> tuple[_Axis, _Axis]:
    """Return the axes with what is kept free of a canvas."""
    if reserve is None:
        return axes
    room, (columns, rows) = reserve.on(height, width), axes
    return (
        replace(columns, kept=(room.left, room.right), keeper=reserve.name),
        replace(rows, kept=(room.top, room.bottom), keeper=reserve.name),
    )


def _fitted(axes: tuple[_Axis, _Axis], reserve: Reserve | None, edges: frozenset[Edge]) -> Placement:
    """The canvas goes by what is kept free, and that by the canvas: from the largest one down until they agree."""
    height = width = SIDE_LIMIT
    for _ in range(ROUNDS):
        columns, rows = _within(axes, reserve, height, width)
        before = height, width
        (width, left), (height, top) = columns.fitted(), rows.fitted()
        if reserve is None or (height, width) == before:
            _check_canvas(height, width)
            return Placement(height, width, 1.0, float(left - columns.whole[0]), float(top - rows.whole[0]), edges)
    raise PlacementError(
        f"{columns.keeper} takes so much of every canvas that none can be fitted round the subject: it must leave room"
    )


def _scale(columns: _Axis, rows: _Axis, sides: tuple[int, int], wish: str) -> float:
    pairs = list(zip((columns, rows), sides, strict=True))
    rooms = [axis.room(side) for axis, side in pairs]
    ratios = [(stop - start) / axis.extent for (axis, _), (start, stop) in zip(pairs, rooms, strict=True)]
    if wish == "fill":
        return max(ratios)
    most = min(axis.free(side) / axis.whole_extent for axis, side in pairs)
    return most if any(all(axis.flush) for axis, _ in pairs) else min(*ratios, most)


def _as_is(cut: CutOut, wishes: Place, edges: frozenset[Edge]) -> Placement:
    """The photo's own frame is what is scaled and aligned."""
    lengths = [length for part in (wishes.padding, wishes.margin) for length in part.model_dump().values()]
    if wishes.size == "fitted" or wishes.center == "optical" or any(pixels(length, SIDE_LIMIT) for length in lengths):
        raise PlacementError(
            'a subject that stays as_is takes a canvas of "original" size or [width, height], without padding, margin '
            "and optical centring: those are for a subject that is placed"
        )
    photo_height, photo_width = cut.alpha.shape
    height, width = (photo_height, photo_width) if wishes.size == "original" else wishes.size[::-1]
    _check_canvas(height, width)
    ratios = width / photo_width, height / photo_height
    scale = min(ratios) if wishes.scale == "fit" else max(ratios)
    _check_scale(scale, cut)
    left = (width - scale * photo_width) * SHARES[wishes.horizontal]
    top = (height - scale * photo_height) * SHARES[wishes.vertical]
    return Placement(height, width, scale, left, top, edges)


def _check_canvas(height: int, width: int) -> None:
    if height * width > PIXEL_LIMIT or max(height, width) > SIDE_LIMIT:
        raise PlacementError(
            f"the canvas would have {width} x {height} pixels: at most {PIXEL_LIMIT} in all and {SIDE_LIMIT} a side "
            "are allowed"
        )


def _check_scale(scale: float, cut: CutOut) -> None:
    if scale > LARGEST_SCALE:
        left, top, right, bottom = cut.box
        raise PlacementError(
            f"the subject has only {right - left} x {bottom - top} pixels and would be enlarged {scale:.0f} times: "
            f"at most {LARGEST_SCALE:g} times are allowed"
        )


def _moved(source: Bytes, placement: Placement) -> Bytes:
    result = np.zeros((placement.height, placement.width, 4), np.uint8)
    left, top = int(placement.left), int(placement.top)
    part = source[max(-top, 0) : max(placement.height - top, 0), max(-left, 0) : max(placement.width - left, 0)]
    result[max(top, 0) : max(top, 0) + len(part), max(left, 0) : max(left, 0) + part.shape[1]] = part
    return result
