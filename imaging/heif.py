"""HEIC through pillow-heif, where it is installed."""

from __future__ import annotations

import functools

from imaging.errors import UnsupportedTypeError


@functools.cache
def register() -> None:
    """Teach Pillow HEIC; raise UnsupportedTypeError where pillow-heif is missing."""
    try:
        import pillow_heif
    except ImportError:
        raise UnsupportedTypeError("HEIC (pillow-heif is not installed here)") from None
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
