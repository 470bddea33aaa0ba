"""A small labelled data set that a test makes up: pictures unlike each other, and what real sets have wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.imaging.pictures import encoded, png_that_claims
from training.dataset.tables import Tables

KEYWORDS = ("pan", "pot", "tray")


def image(seed: int, width: int = 96, height: int = 72) -> Image.Image:
    """A smooth picture of its own; another seed is another picture, by shape and by colour."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return Image.fromarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def write_picture(path: Path, seed: int, width: int = 96, height: int = 72) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image(seed, width, height).save(path, quality=92)
    return path


def write_folder(folder: Path, per_keyword: int = 10) -> Path:
    """`folder/KEYWORD/NN.jpg`, each picture another."""
    for number, keyword in enumerate(KEYWORDS):
        for place in range(per_keyword):
            write_picture(folder / keyword / f"{place:02d}.jpg", 1000 * number + place)
    return folder


def write_broken(folder: Path) -> dict[str, str]:
    """Files that are no pictures, each with a word of the reason that it should get."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = encoded(image(1), "JPEG")
    files = {
        "empty.jpg": (b"", "empty"),
        "truncated.jpg": (whole[: len(whole) // 2], "truncated"),
        "text.png": (b"these are not the bytes of a picture", "not an image"),
        "damaged.png": (encoded(image(2), "PNG")[:60] + b"\0" * 400, ""),
        "huge.png": (png_that_claims(60_000, 60_000), "too many pixels"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: reason for name, (_, reason) in files.items()}


def write_csv(path: Path, lines: list[str], head: str = "image,keyword,group,split") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def rows(tables: Tables) -> list[tuple[str | None, ...]]:
    return tables.rows('select image, keyword, "group", split from rows order by image')


def problems(tables: Tables) -> set[tuple[str, str | None, str | None]]:
    return set(tables.rows("select kind, image, detail from problems"))
