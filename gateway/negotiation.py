"""Whether a client wants the picture itself or JSON about it, by its Accept header (RFC 9110, 12.5.1)."""

from collections.abc import Iterator

PNG = "image/png"
JSON = "application/json"


def prefers_png(accept: str) -> bool:
    """True when the header names PNG, or all images, and does not like JSON better. `*/*` and nothing mean JSON."""
    weights = dict(_weights(accept))
    png = weights.get(PNG, weights.get("image/*", 0.0))
    return png > 0 and png >= weights.get(JSON, 0.0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in item.split(";"))
        yield media_type, next((_weight(part[2:]) for part in parameters if part.startswith("q=")), 1.0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
