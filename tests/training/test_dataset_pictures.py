"""Pictures of every kind: looked at, or named with the reason; which are near to which."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.imaging.pictures import encoded, sixteen_bit
from tests.training.dataset_data import image, write_broken, write_picture
from training.dataset.errors import DatasetError
from training.dataset.files import Files
from training.dataset.neighbours import FARTHEST, near_pairs
from training.dataset.pictures import look
from training.dataset.prepare import Shape
from training.dataset.prepare import encoded as prepared
from training.dataset.signature import BYTES, signature, unpack


def bits(one: Image.Image, other: Image.Image) -> int:
    """How many bits the signatures of two pictures differ in."""
    found = [signature(np.asarray(picture.convert("RGB"))) for picture in (one, other)]
    words = unpack([each for each in found if each is not None])
    return int(np.bitwise_count(words[0] ^ words[1]).sum())


def through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", {"quality": quality, "subsampling": 2})))


def test_every_broken_file_is_named_with_its_reason(tmp_path: Path) -> None:
    for name, reason in write_broken(tmp_path).items():
        facts, pixels = look(Files(str(tmp_path)), name)
        assert facts.error
        assert reason in facts.error
        assert pixels is None
        assert facts.size == (tmp_path / name).stat().st_size
    facts, _ = look(Files(str(tmp_path)), "nowhere.jpg")
    assert facts.error == "there is no such file"


@pytest.mark.parametrize(
    ("name", "trait"),
    [("cmyk.jpg", "CMYK"), ("deep.png", "16 bits"), ("turned.jpg", "turned"), ("clear.png", "transparent")],
)
def test_unusual_pictures_are_read_and_said_to_be_so(tmp_path: Path, name: str, trait: str) -> None:
    plain = image(5)
    wide = np.asarray(plain).astype(np.uint16) * 257
    clear = plain.convert("RGBA")
    clear.putalpha(Image.fromarray(np.repeat(np.linspace(0, 255, 96, dtype=np.uint8)[None], 72, axis=0)))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = {
        "cmyk.jpg": encoded(plain.convert("CMYK"), "JPEG"),
        "deep.png": sixteen_bit(".png", wide),
        "turned.jpg": encoded(plain.transpose(Image.Transpose.ROTATE_90), "JPEG", {"exif": exif.tobytes()}),
        "clear.png": encoded(clear, "PNG"),
    }[name]
    (tmp_path / name).write_bytes(data)
    facts, pixels = look(Files(str(tmp_path)), name)
    assert facts.error is None
    assert trait in (facts.traits or "")
    assert (facts.width, facts.height) == (96, 72)
    assert pixels is not None
    if trait != "transparent":
        assert np.abs(pixels.astype(int) - np.asarray(plain)).mean() < 8
    else:
        assert pixels[:, 0].min() > 250  # transparency is white


def test_an_even_picture_has_no_signature() -> None:
    assert signature(np.full((40, 60, 3), 200, np.uint8)) is None
    assert signature(np.full((1, 1, 3), 7, np.uint8)) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_scaled_compressed_or_brightened_picture_is_near_and_another_is_not(seed: int) -> None:
    one = image(seed, 640, 480)
    assert bits(one, one.resize((200, 150), Image.Resampling.LANCZOS)) <= 2
    assert bits(one, through_jpeg(one, 40)) <= 4
    assert bits(one, one.point(lambda value: min(255, int(value * 1.08)))) <= 6
    assert bits(one, image(seed + 100, 640, 480)) > FARTHEST


def test_the_same_shape_in_another_colour_is_not_near() -> None:
    one = image(3)
    other = Image.merge("RGB", one.split()[::-1])
    tinted = Image.blend(one, Image.new("RGB", one.size, (220, 40, 40)), 0.4)
    assert bits(one, tinted) > FARTHEST
    assert bits(one, other) > 0


@given(st.binary(min_size=BYTES * 2, max_size=BYTES * 40), st.integers(0, FARTHEST), st.lists(st.integers(0, 95)))
def test_every_near_pair_is_found_and_no_other(data: bytes, distance: int, flips: list[int]) -> None:
    count = len(data) // BYTES
    signatures = [data[BYTES * place : BYTES * (place + 1)] for place in range(count)]
    own = np.unpackbits(np.frombuffer(signatures[0], np.uint8))
    own[flips[: FARTHEST + 2]] ^= 1
    words = unpack([*signatures, np.packbits(own).tobytes()])
    found = {
        tuple(sorted(map(int, pair)))
        for one, other in near_pairs(words, distance)
        for pair in zip(one, other, strict=True)
    }
    different = np.bitwise_count(words[:, None] ^ words[None]).sum(axis=-1)
    assert found == {(a, b) for a in range(len(words)) for b in range(a + 1, len(words)) if different[a, b] <= distance}


@pytest.mark.parametrize("distance", [-1, FARTHEST + 1])
def test_a_distance_beyond_what_is_searched_is_an_error(distance: int) -> None:
    with pytest.raises(DatasetError, match="--distance"):
        list(near_pairs(np.zeros((2, 3), np.uint32), distance))


@pytest.mark.parametrize("count", [0, 1])
def test_few_pictures_have_no_pairs(count: int) -> None:
    assert list(near_pairs(np.zeros((count, 3), np.uint32), 4)) == []


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [(640, 480, (43, 32)), (480, 640, (32, 43)), (20, 16, (20, 16)), (32, 2000, (32, 2000))],
)
def test_a_prepared_picture_has_its_shorter_side_at_most_of_the_size(
    width: int, height: int, wanted: tuple[int, int]
) -> None:
    pixels = np.asarray(image(1, width, height))
    for kind in ("jpeg", "png"):
        found = Image.open(io.BytesIO(prepared(pixels, Shape(size=32, format=kind))))
        assert (found.size, found.mode, found.format) == (wanted, "RGB", kind.upper())


def test_a_large_photo_is_reduced_while_it_is_decoded(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", 1, 1600, 1200)
    facts, pixels = look(Files(str(tmp_path)), "a.jpg")
    assert pixels is not None
    assert (facts.width, facts.height) == (1600, 1200)
    assert 256 <= min(pixels.shape[:2]) < 1200
