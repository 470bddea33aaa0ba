"""Which format the bytes are in, by their first bytes alone, so that only one decoder ever sees them."""

from __future__ import annotations

from imaging.errors import EmptyInputError, NotAnImageError, UnsupportedTypeError

STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"BM": "BMP",
}
# Named so that the sender of one learns more than "not an image".
UNSUPPORTED = {
    b"II+\x00": "BigTIFF",
    b"MM\x00+": "BigTIFF",
    b"8BPS": "Photoshop (PSD)",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"<svg": "SVG",
    b"<?xml": "XML or SVG",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x01\x00": "an icon (ICO)",
}
AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEAD = 64


def kind(data: bytes) -> str:
    """Return the Pillow name of the format: JPEG, PNG, GIF, TIFF, BMP, WEBP, AVIF or HEIF.

    Raises EmptyInputError, UnsupportedTypeError (a known format that no decoder here takes) or NotAnImageError.
    """
    if not data:
        raise EmptyInputError
    head = bytes(data[:HEAD])
    found = next((name for start, name in STARTS.items() if head.startswith(start)), None) or _container(head)
    if found is not None:
        return found
    refused = next((name for start, name in UNSUPPORTED.items() if head.lstrip().startswith(start)), None)
    if refused is not None:
        raise UnsupportedTypeError(refused)
    raise NotAnImageError


def _container(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] != b"ftyp":
        return None
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), _box_length(head)), 4))]
    if any(brand in AVIF_BRANDS for brand in brands):
        return "AVIF"
    if any(brand in HEIF_BRANDS for brand in brands):
        return "HEIF"
    raise UnsupportedTypeError("a video or another ISO media file")


def _box_length(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")
