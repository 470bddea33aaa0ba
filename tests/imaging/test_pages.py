from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from imaging.decode import decode
from imaging.errors import TooManyPixelsError, UnsupportedTypeError
from tests.imaging import pictures

PREVIEW = {254: 1}


def tiff(*pages: tuple[Image.Image, dict[int, int]]) -> bytes:
    for picture, tags in pages:
        directory = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in tags.items():
            directory[tag] = value
        picture.encoderinfo = {"tiffinfo": directory}
    (first, tags), others = pages[0], [picture for picture, _ in pages[1:]]
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=others, tiffinfo=first.encoderinfo["tiffinfo"])
    made = Image.open(io.BytesIO(out.getvalue()))
    assert isinstance(made, TiffImagePlugin.TiffImageFile)
    assert made.tag_v2.get(254, 0) == tags.get(254, 0)
    return out.getvalue()


def small() -> Image.Image:
    return pictures.image().resize((16, 12))


@pytest.mark.parametrize("previews", [1, 3])
def test_previews_in_front_of_the_picture_are_passed_over(previews: int) -> None:
    data = tiff(*[(small(), PREVIEW) for _ in range(previews)], (pictures.image(), {}))
    assert (decode(data).pixels == pictures.blocks()).all()


def test_of_several_pictures_the_first_is_taken() -> None:
    data = tiff((pictures.image(), {}), (small(), PREVIEW), (small(), {}))
    assert (decode(data).pixels == pictures.blocks()).all()


def test_a_preview_without_a_picture_is_taken_for_one() -> None:
    assert decode(tiff((pictures.image(), PREVIEW), (small(), PREVIEW))).pixels.shape == (48, 64, 3)


def test_the_page_that_is_taken_is_turned_upright_and_keeps_to_the_limit() -> None:
    data = tiff((small(), PREVIEW), (pictures.image(), {274: 6}))
    assert (decode(data).pixels == np.rot90(pictures.blocks(), -1)).all()
    with pytest.raises(TooManyPixelsError, match="48 x 64"):
        decode(data, max_pixels=64 * 48 - 1)


def test_a_camera_raw_file_is_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="camera raw"):
        decode(tiff((small(), PREVIEW | {330: 8})))
