"""Framing is what the embedders' own processors do: resize the whole picture, then cut out the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.decode import Picture
from imaging.frame import FRAMES, Frame, framed, square

if TYPE_CHECKING:
    from imaging.arrays import Bytes

SIDES = st.integers(24, 700)
SHAPES = st.tuples(SIDES, st.floats(0.25, 4)).map(lambda pair: (pair[0], max(1, round(pair[0] * pair[1]))))


def noise(height: int, width: int) -> Bytes:
    """Coarse enough that a shifted frame shows, fine enough that a wrong filter does."""
    rng = np.random.default_rng(height * 1000 + width)
    blocks = rng.integers(0, 256, (height // 5 + 1, width // 5 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(blocks, np.ones((5, 5, 1), np.uint8))[:height, :width])


def by_processor(pixels: Bytes, frame: Frame) -> Bytes:
    """transformers' CLIPImageProcessorPil on one picture, without its values."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    sides = {"height": frame.side, "width": frame.side}
    size = sides if frame.shorter is None else {"shortest_edge": frame.shorter}
    crops = frame.shorter is not None
    processor = CLIPImageProcessorPil(size=size, crop_size=sides, resample=frame.rule, do_center_crop=crops)
    picture = Image.fromarray(pixels)
    values = processor(images=picture, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"]
    return np.asarray(values[0].transpose(1, 2, 0), dtype=np.uint8)


@pytest.mark.parametrize("name", FRAMES)
@given(shape=SHAPES)
@settings(max_examples=15)
def test_a_frame_is_what_the_processor_makes(name: str, shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    found, wanted = square(pixels, FRAMES[name]), by_processor(pixels, FRAMES[name])
    assert found.shape == wanted.shape == (FRAMES[name].side, FRAMES[name].side, 3)
    # Pillow resizes rows or columns first, whichever is less work, and clips between: hard edges overshoot otherwise.
    difference = np.abs(found.astype(int) - wanted)
    assert difference.max() <= 24
    assert difference.mean() <= 0.5


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (1, 1)])
def test_a_thread_costs_no_more_than_its_middle(shape: tuple[int, int]) -> None:
    found = square(np.full((*shape, 3), 77, np.uint8), FRAMES["clip_224"])
    assert found.shape == (224, 224, 3)
    assert (found == 77).all()


def test_transparency_lies_on_white() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    assert (framed(Picture(pixels, np.zeros((300, 400), np.uint8), 300, 400), FRAMES["clip_224"]) == 255).all()
    assert (framed(Picture(pixels, None, 300, 400), FRAMES["clip_224"]) == 0).all()


def test_a_reduced_decoding_keeps_four_pixels_for_each_of_the_frame() -> None:
    assert [frame.smallest for frame in FRAMES.values()] == [896, 1344, 1024, 896, 1536, 2560]
