"""Masks of a video at the size of its frames: pictures in an archive, or runs in lines of JSON."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gateway.segmentation.film_file import FilmFile
from gateway.segmentation.segmenter import Segmented
from gateway.video.reader import Frame

PNG_EFFORT = 1  # zlib's fastest; of a mask's few runs little more can be saved
DIGITS = 6


@contextmanager
def mask_zip(path: Path) -> Iterator[FilmFile]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        yield MaskZip(archive)


@contextmanager
def rle_lines(path: Path) -> Iterator[FilmFile]:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        yield RleLines(file)


class MaskZip:
    """`000000.png` and so on: the classes as palette indices, with the overlay's colours as palette."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        from imaging.shelf_classes import palette

        self._archive = archive
        self._palette = palette().tobytes()

    def add(self, frame: Frame, segmented: Segmented) -> None:
        from PIL import Image

        from imaging.overlay import scaled

        height, width = frame.pixels.shape[:2]
        picture, buffer = Image.fromarray(scaled(segmented.mask, height, width)), io.BytesIO()
        picture.putpalette(self._palette)
        picture.save(buffer, "PNG", compress_level=PNG_EFFORT)
        self._archive.writestr(f"{frame.index:06d}.png", buffer.getvalue())


class RleLines:
    """A JSON line per frame: its number, time, size, and `annotations` as COCO has them, a thing or a class each."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, frame: Frame, segmented: Segmented) -> None:
        from imaging.shelf_annotations import annotated

        height, width = frame.pixels.shape[:2]
        line = {
            "frame": frame.index,
            "time_s": round(float(frame.time), DIGITS),
            "size": [height, width],
            "annotations": annotated(segmented.mask, segmented.instances, height, width),
        }
        json.dump(line, self._file, separators=(",", ":"))
        self._file.write("\n")
