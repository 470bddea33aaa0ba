"""Single pictures of a live stream: from a client's bytes to pixels, and from pixels to bytes."""

import io
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.errors import TooManyPixelsError, UnreadablePictureError, UnsupportedTypeError
from gateway.limits import SNIFF_BYTES, sniff
from imaging.shelf_classes import palette

KINDS = ("JPEG", "WEBP", "PNG")
MEDIA_TYPES = MappingProxyType({"jpeg": "image/jpeg", "webp": "image/webp"})
MASK_TYPE = "image/png"
FASTEST = 1
ORIENTATION, TRANSPOSED = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` UINT8 RGB [h, w, 3], upright, perhaps smaller than the `width` x `height` that the frame came with."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decoded(data: bytes, max_pixels: int, least_side: int | None = None) -> Picture:
    """A frame's pixels; with `least_side` a JPEG may come out smaller, at least so long on either side.

    Raises one of `errors.PICTURE`; the header is looked at before any pixel.
    """
    from PIL import Image, ImageOps

    if not data:
        raise UnreadablePictureError("the frame is empty")
    kind = _kind(data)
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise TooManyPixelsError(f"the frame has {width} x {height} pixels, more than {max_pixels}")
            if least_side is not None:
                picture.draft("RGB", (least_side, least_side))
            turned = picture.getexif().get(ORIENTATION, 1) in TRANSPOSED
            upright = ImageOps.exif_transpose(picture)
            size = (height, width) if turned else (width, height)
            return Picture(np.asarray(upright.convert("RGB"), np.uint8), *size)
    # Pillow's plugins raise about any of these on broken data; each of them is the picture's fault.
    except (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, ArithmeticError) as error:
        raise UnreadablePictureError(f"the {kind} frame cannot be read", private=repr(error)) from error
    except (RuntimeError, AttributeError, MemoryError, Image.DecompressionBombError) as error:
        raise UnreadablePictureError(f"the {kind} frame cannot be read", private=repr(error)) from error


def _kind(data: bytes) -> str:
    try:
        kind = sniff(data[:SNIFF_BYTES])
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError("this is no frame that can be read; readable are JPEG, WebP and PNG") from error
    if kind not in KINDS:
        raise UnsupportedTypeError(f"frames are JPEG, WebP or PNG, not {kind}")
    return kind


def encoded(pixels: NDArray[np.uint8], form: str, quality: int) -> bytes:
    """UINT8 RGB [h, w, 3] as `jpeg` or `webp`, as fast as these go."""
    from PIL import Image

    buffer = io.BytesIO()
    speed = {"method": 0} if form == "webp" else {}
    Image.fromarray(pixels).save(buffer, form, quality=quality, **speed)
    return buffer.getvalue()


def mask_png(mask: NDArray[np.uint8]) -> bytes:
    """A palette PNG [h, w] whose values are the classes, in the legend's colours, the background transparent."""
    from PIL import Image

    picture = Image.fromarray(mask)
    picture.putpalette(palette().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=FASTEST, transparency=0)
    return buffer.getvalue()
