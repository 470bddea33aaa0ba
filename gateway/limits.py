"""What a picture may be: bytes, type and width x height from its header. Nothing here decodes a pixel."""

import hashlib
import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from gateway.errors import TooLargeError, TooManyPixelsError, UnreadablePictureError, UnsupportedTypeError

SNIFF_BYTES = 32
HEIF = "HEIF"
AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
READABLE = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that passed the limits: its bytes as they came, and what its header says."""

    data: bytes
    kind: str
    width: int
    height: int
    sha256: str


def check_size(size_bytes: int, max_bytes: int, what: str = "picture") -> None:
    """Raises TooLargeError for more than `max_bytes`."""
    if size_bytes > max_bytes:
        raise TooLargeError(f"the {what} is larger than {max_bytes} bytes")


def sniff(head: bytes) -> str:
    """The picture's format by Pillow's name from its first `SNIFF_BYTES` bytes, whatever name or type it came with.

    Raises UnsupportedTypeError for anything that the pipelines do not read.
    """
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    brands = [head[at : at + 4] for at in (8, *range(16, len(head) - 3, 4))] if head[4:8] == b"ftyp" else []
    if any(brand in AVIF_BRANDS for brand in brands):
        return "AVIF"
    if any(brand in HEIF_BRANDS for brand in brands):
        return HEIF
    raise UnsupportedTypeError(f"this is not a picture that can be read; readable are {READABLE}")


def examine(data: bytes, max_pixels: int) -> Picture:
    """Vets a picture by its header. Costs a header parse and one hash; call it off the event loop.

    Raises UnreadablePictureError, UnsupportedTypeError or TooManyPixelsError.
    """
    if not data:
        raise UnreadablePictureError("the picture is empty")
    kind = sniff(data[:SNIFF_BYTES])
    try:
        width, height = _dimensions(data, kind)
    except Image.DecompressionBombError as error:  # Pillow's own limit, which no setting exceeds
        raise TooManyPixelsError(f"the picture has more than {max_pixels} pixels") from error
    if width < 1 or height < 1:
        raise UnreadablePictureError("the picture has no pixels")
    if width * height > max_pixels:
        raise TooManyPixelsError(f"the picture has {width} x {height} pixels, more than {max_pixels}")
    return Picture(data, kind, width, height, hashlib.sha256(data).hexdigest())


def _dimensions(data: bytes, kind: str) -> tuple[int, int]:
    try:
        return _heif_size(data) if kind == HEIF else _pillow_size(data, kind)
    # Pillow's plugins raise about any of these on a broken header; each of them is the picture's fault.
    except (UnidentifiedImageError, OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError) as error:
        raise UnreadablePictureError(f"the {kind} header cannot be read", private=repr(error)) from error
    except (ArithmeticError, RuntimeError, AttributeError, MemoryError) as error:
        raise UnreadablePictureError(f"the {kind} header cannot be read", private=repr(error)) from error


def _pillow_size(data: bytes, kind: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(data), formats=[kind]) as picture:
        return picture.size


def _heif_size(data: bytes) -> tuple[int, int]:
    from pillow_heif import open_heif

    size: tuple[int, int] = open_heif(io.BytesIO(data), convert_hdr_to_8bit=False).size
    return size
