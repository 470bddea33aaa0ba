"""One picture through the service, and what its results are worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import cv2
import numpy as np

from perf.quality import figures, scores, shadows
from perf.quality.scores import Figures, Points
from perf.quality.service import RefusedError, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perf.quality.cases import Case, Throw
    from perf.quality.figures import Bytes

CANVAS = 1000
WHITE = "#FFFFFFFF"
LOSSLESS: Mapping[str, str] = MappingProxyType({"format": "png", "palette": "never"})
AS_IS: Mapping[str, object] = MappingProxyType({"subject": "as_is", "size": "original"})
PLACED: Mapping[str, object] = MappingProxyType(
    {"subject": "placed", "size": [CANVAS, CANVAS], "padding": "10%", "horizontal": "center", "vertical": "center"}
)


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured of a case; `refused` says why nothing was."""

    case: Case
    figures: Figures | None
    points: Points
    refused: str = ""


def options(place: Mapping[str, object], ground: str | None, throw: Throw | None = None) -> str:
    """The options of one picture: placing, the ground's colour (None: transparent), a shadow that falls so."""
    shadow: dict[str, object] = {"kind": "none"}
    if throw is not None:
        shadow = {"kind": "dual", **throw.model_dump(exclude={"flat"})}
    whole = {"place": dict(place), "ground": {"color": ground}, "shadow": shadow, "encode": dict(LOSSLESS)}
    return json.dumps(whole)


def measured(case: Case, service: Service) -> Result:
    """Asks the service and compares. A picture that it refuses, or answers with something else, gets no points."""
    photo = case.photo.read_bytes()
    try:
        cut = decoded(service.remove_background(photo), cv2.IMREAD_UNCHANGED)
        found = _figures(case, photo, cut, service)
    except RefusedError as refusal:
        return Result(case, None, scores.NOTHING, str(refusal))
    return Result(case, found, scores.points(found))


def _figures(case: Case, photo: bytes, cut: Bytes, service: Service) -> Figures:
    true = case.alpha()
    if cut.shape != (*true.shape, 4):
        raise RefusedError(f"the cut-out is {cut.shape}, not {(*true.shape, 4)}")
    colours = case.colours()
    return Figures(
        figures.iou(cut[..., 3], true),
        figures.boundary_iou(cut[..., 3], true),
        None if colours is None else figures.halo(cut, colours),
        _centring(photo, (cut[..., 3], true), service),
        _shadow(case, photo, (true, cut[..., 3]), service),
    )


def _centring(photo: bytes, mattes: tuple[Bytes, Bytes], service: Service) -> float | None:
    placed = decoded(service.process(photo, options(PLACED, None)), cv2.IMREAD_UNCHANGED)
    if placed.shape != (CANVAS, CANVAS, 4):
        raise RefusedError(f"the placed picture is {placed.shape}, not {(CANVAS, CANVAS, 4)}")
    return figures.centring(mattes[0], placed[..., 3], mattes[1])


def _shadow(case: Case, photo: bytes, mattes: tuple[Bytes, Bytes], service: Service) -> shadows.Likeness | None:
    """The shadow where the subject stands, against the true one."""
    true = case.shadow()
    if true is None:
        return None
    answer = service.process(photo, options(AS_IS, WHITE, case.throw))
    final = decoded(answer, cv2.IMREAD_COLOR_RGB)
    if final.shape[:2] != true.shape:
        raise RefusedError(f"the picture with shadow is {final.shape[:2]}, not {true.shape}")
    return shadows.compare(shadows.opacity(final), true.astype(np.float64) / 255, list(mattes))


def decoded(data: bytes, mode: int) -> Bytes:
    """Pixels, red first. Raises RefusedError for what is no picture."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise RefusedError(f"the answer is no picture ({error})") from error
    if pixels is None:
        raise RefusedError("the answer is no picture")
    turned = mode == cv2.IMREAD_UNCHANGED and pixels.ndim == 3  # noqa: PLR2004
    return np.asarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if turned else pixels, np.uint8)
