"""Small pictures for a report, inside the page."""

import base64
import io

from PIL import Image, ImageOps

from training.dataset.files import FileError, Files
from training.dataset.pictures import BrokenError, upright

SIDE = 96


class Thumbnails:
    """`data:` addresses by image; each picture is read once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._made: dict[str, str] = {}

    def of(self, image: str) -> str:
        """Empty for a picture that is broken (or has become so)."""
        if image not in self._made:
            try:
                self._made[image] = _address(self._files.read(image))
            except (FileError, BrokenError):
                self._made[image] = ""
        return self._made[image]


def _address(data: bytes) -> str:
    pixels, _ = upright(data, SIDE)
    out = io.BytesIO()
    ImageOps.contain(Image.fromarray(pixels), (SIDE, SIDE)).save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
