"""Which page of a TIFF file is the picture: previews may stand in front of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from imaging.errors import UnsupportedTypeError

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

NEW_SUBFILE_TYPE, SUB_IFDS = 254, 330
REDUCED = 1  # the bit that marks a smaller version of another page
MOST_PAGES = 16


def open_picture(image: TiffImageFile) -> None:
    """Turn to the first page that is no preview, to the first of all where each says that it is one.

    Raises UnsupportedTypeError where the picture is kept below a preview, as in camera raw files (DNG, NEF).
    """
    if not _is_preview(image):
        return
    if SUB_IFDS in image.tag_v2:
        raise UnsupportedTypeError("a TIFF file of only a preview (is it a camera raw file?)")
    with contextlib.suppress(EOFError):  # n_frames would read every page, and there may be millions
        for page in range(1, MOST_PAGES):
            image.seek(page)
            if not _is_preview(image):
                return
    image.seek(0)


def _is_preview(image: TiffImageFile) -> bool:
    kind = image.tag_v2.get(NEW_SUBFILE_TYPE, 0)
    return isinstance(kind, int) and bool(kind & REDUCED)
