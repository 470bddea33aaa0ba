"""Whether a client wants the picture itself or JSON about it, by its Accept header (RFC 9110, 12.5.1)."""

from collections.abc import Iterator, Mapping

PNG = "image/png"
JSON = "application/json"


def prefers_png(accept: str) -> bool:
    """True when the header names PNG, or all images, and does not like JSON better. `*/*` and nothing mean JSON.

    Wildcards stand for JSON with their own weight; PNG wins where both weigh the same.
    """
    weights = dict(_weights(accept))
    png = _first(weights, PNG, "image/*")
    return png > 0 and png >= _first(weights, JSON, "application/*", "*/*")


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
