"""Whether a client wants the picture itself or JSON about it, by its Accept header (RFC 9110, 12.5.1)."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

PNG = "image/png"
JSON = "application/json"
ANYTHING = "*/*"
FILES = ("image/", "application/zip")


def prefers_png(accept: str) -> bool:
    """True when the header names PNG, or all images, and does not like JSON better. `*/*` and nothing mean JSON.

    Wildcards stand for JSON with their own weight; PNG wins where both weigh the same.
    """
    weights = dict(_weights(accept))
    png = _first(weights, PNG, "image/*")
    return png > 0 and png >= _first(weights, JSON, "application/*", ANYTHING)


def prefers_picture(accept: str) -> bool:
    """The same for pictures of whatever kind: True when the header names one and does not like JSON better."""
    weights = dict(_weights(accept))
    picture = max((weight for kind, weight in weights.items() if kind.startswith("image/")), default=0.0)
    return picture > 0 and picture >= _first(weights, JSON, "application/*", ANYTHING)


def prefers_json(accept: str) -> bool:
    """True when the header names JSON and likes no file as much. For who answers a picture unless told otherwise.

    `application/json, text/plain, */*` is what some HTTP libraries send without being asked: it means the picture.
    """
    weights = dict(_weights(accept))
    files = (weight for kind, weight in weights.items() if kind == ANYTHING or kind.startswith(FILES))
    return weights.get(JSON, 0.0) > max(files, default=0.0)


def picture_format(accept: str, kinds: Sequence[str]) -> str | None:
    """Which of `kinds` (jpeg, png, ...) the header likes best, the first named of equals; None where it names none."""
    liked = [(weight, name.removeprefix("image/")) for name, weight in _weights(accept) if name.startswith("image/")]
    known = [(weight, kind) for weight, kind in liked if kind in kinds and weight > 0]
    return max(known, key=itemgetter(0))[1] if known else None


def _first(weights: Mapping[str, float], *media_types: str) -> float:
    """The weight of the first type that the header names; 0 when it names none."""
    return next((weights[media_type] for media_type in media_types if media_type in weights), 0.0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in item.split(";"))
        yield media_type, next((_weight(part[2:]) for part in parameters if part.startswith("q=")), 1.0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
