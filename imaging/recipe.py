"""From a photo to its finished picture: what is in it, where the routing file sends that, and what comes of it there.

The models are behind one function, `imaging.analysis.Call`; pixels never come here.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imaging import sniff
from imaging.analysis import CallError
from imaging.routing import AsIs, MainCutout, ProductCutout, ProductPhoto, Review, StepCutout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from imaging.analysis import Call
    from imaging.routing import Decision, Wishes
    from imaging.rulebook import InForce

CLASSIFIER = "classify_keywords"
SHOWN = 3
PNG_SIZE = struct.Struct(">16xII")
PNG_KIND = ("image/png", "png")
MODELS: Mapping[tuple[str, str], str] = {
    ("step_cutout", "cutout"): "cutout_step",
    ("main_cutout", "cutout"): "cutout_main",
    ("step_cutout", "alpha"): "alpha_step",
    ("main_cutout", "alpha"): "alpha_main",
}
IN_ENSEMBLE = re.compile(r"^in ensemble '[^']*', ")
# How the steps of product photos begin what they say of a photo or of its options; all else is for an operator.
REFUSALS = re.compile(
    r"(options|refine|place|ground|shadow|template|fields|encode|review)\b"
    r"|(png|jpeg|webp|avif|zip) (has no|holds at most)"
    r"|padding and margin |a subject that |the subject has only |the canvas would |there is no subject "
)
KINDS: Mapping[str, tuple[str, str]] = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": PNG_KIND,
    "WEBP": ("image/webp", "webp"),
    "AVIF": ("image/avif", "avif"),
    "GIF": ("image/gif", "gif"),
    "TIFF": ("image/tiff", "tif"),
    "BMP": ("image/bmp", "bmp"),
    "HEIF": ("image/heic", "heic"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in the picture: keyword and confidence 0 to 1; of the most probable keywords the same, best first."""

    keyword: str
    confidence: float
    ranking: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What a pipeline gave: the file, empty where none was made, the model that made it, and facts for the report."""

    picture: bytes = b""
    model: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """`picture` is a file, empty where the route makes none; `model` what made it. `report` is JSON:

    `keyword`, `confidence` 0 to 1, `keywords` the most probable three of them, `classified` whether anybody was asked;
    `route`, `reason` keyword, default or review_below, `review_below` that counted, `pipeline` the model that ran or
    null, `dry_run`; of the file `media_type`, `extension`, `width`, `height`, `box` [xmin, ymin, xmax, ymax], each null
    where it is not known; `uncertainty` and `needs_review` of product photos, else null; `notes`, a list of texts;
    `rules`: `sha256` of the routing file in force, `problem` what is wrong with a newer one, or null.
    """

    seen: Seen
    decision: Decision
    picture: bytes
    model: str | None
    report: bytes


async def finish(image: bytes, wishes: Wishes, rules: InForce, call: Call) -> Finished:
    """Do with the bytes of an image file what the rules say. Raises CallError, in words that name keyword and route."""
    seen = Seen(wishes.keyword, 1.0) if wishes.keyword else await _seen(image, call)
    decision = rules.rules.decide(seen.keyword, seen.confidence, 0.0 if wishes.keyword else wishes.review_below)
    try:
        made = Made() if wishes.dry_run else await _made(image, decision, wishes, call)
    except CallError as error:
        reason = f"the keyword {seen.keyword!r} goes to {decision.route.pipeline}: {error}"
        raise CallError(reason, refused=error.refused) from error
    told = _told(seen, decision, wishes, rules) | _facts(made)
    return Finished(seen, decision, made.picture, made.model, json.dumps(told, ensure_ascii=False).encode())


def refusal(text: str) -> str | None:
    """Return what a pipeline says of a photo or its options, in words for who sent them; None for any other error."""
    said = IN_ENSEMBLE.sub("", text)
    return said if REFUSALS.match(said) else None


def was_seen(wishes: Wishes, finished: Finished) -> bool:
    """Return whether any model has looked at the picture; else it may be broken."""
    return wishes.keyword is None or finished.model is not None


async def _seen(image: bytes, call: Call) -> Seen:
    found = await call(CLASSIFIER, {"image": _text(image)}, ("keywords", "confidences"))
    keywords = [_str(one) for one in found["keywords"].reshape(-1)]
    confidences = [float(one) for one in found["confidences"].reshape(-1)]
    if not keywords or len(keywords) != len(confidences):
        raise CallError(f"{CLASSIFIER} gave {len(keywords)} keywords and {len(confidences)} confidences")
    ranking = tuple(zip(keywords, confidences, strict=True))[:SHOWN]
    return Seen(*ranking[0], ranking)


async def _made(image: bytes, decision: Decision, wishes: Wishes, call: Call) -> Made:
    route = decision.route
    if isinstance(route, (ProductPhoto, ProductCutout)):
        return await _photo(image, route, wishes, call)
    made = Made()
    if isinstance(route, (StepCutout, MainCutout)):
        made = await _cut_out(image, route, call)
    elif isinstance(route, AsIs):
        media_type, extension = KINDS[sniff.kind(image)]
        made = Made(image, facts={"media_type": media_type, "extension": extension})
    note = f"encode is for product photos: {route.pipeline} has one kind of file"
    return replace(made, notes=(note,)) if wishes.encode is not None and not isinstance(route, Review) else made


async def _cut_out(image: bytes, route: StepCutout | MainCutout, call: Call) -> Made:
    output = route.options.output
    model = MODELS[route.pipeline, output]
    found = await call(model, {"image": _text(image)}, (output, "box") if output == "cutout" else (output,))
    data = _bytes(found[output])
    box = [int(edge) for edge in found["box"].reshape(-1)] if "box" in found else [0] * 4
    width, height = PNG_SIZE.unpack_from(data)
    facts = dict(zip(("media_type", "extension"), PNG_KIND, strict=True)) | {"width": width, "height": height}
    return Made(data, model, facts | {"box": box if any(box) else None})


async def _photo(image: bytes, route: ProductPhoto | ProductCutout, wishes: Wishes, call: Call) -> Made:
    inputs = {"image": _text(image), "options": _text(wishes.encoded(route))}
    found = await call(route.pipeline, inputs, ("picture", "uncertainty", "needs_review", "report"))
    facts = json.loads(_bytes(found["report"]))
    names = ("media_type", "extension", "width", "height", "box", "uncertainty", "needs_review")
    return Made(_bytes(found["picture"]), route.pipeline, {name: facts.get(name) for name in names})


def _told(seen: Seen, decision: Decision, wishes: Wishes, rules: InForce) -> dict[str, object]:
    limit = rules.rules.review_below if wishes.review_below is None else wishes.review_below
    return {
        "keyword": seen.keyword,
        "confidence": seen.confidence,
        "keywords": [{"keyword": keyword, "confidence": confidence} for keyword, confidence in seen.ranking],
        "classified": wishes.keyword is None,
        "route": decision.route.pipeline,
        "reason": decision.reason,
        "review_below": limit,
        "dry_run": wishes.dry_run,
        "rules": {"sha256": rules.sha256, "problem": rules.problem or None},
    }


def _facts(made: Made) -> dict[str, object]:
    names = ("media_type", "extension", "width", "height", "box", "uncertainty", "needs_review")
    return {name: made.facts.get(name) for name in names} | {"pipeline": made.model, "notes": list(made.notes)}


def _text(content: bytes) -> NDArray[Any]:
    return np.array([[content]], np.object_)


def _bytes(values: NDArray[Any]) -> bytes:
    found = values.reshape(-1)[0]
    return found if isinstance(found, bytes) else bytes(found)


def _str(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
