from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imaging import profile
from imaging.decode import decode
from tests.imaging import pictures
from tests.imaging.comparison import assert_alike

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
D50 = (0.9642, 1.0, 0.8249)
# Columns of the matrix of Display P3 adapted to D50, ICC.1 style.
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def s15(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def made(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile (version 2) of the given tags, written by hand because no library here writes any."""
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + s15(*D50)
    return head.ljust(128, b"\0") + table + body


def curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + s15(*values)


def wide_gamut() -> bytes:
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    columns = {name: xyz(*column) for name, column in zip(names, P3, strict=True)}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve(2.2))
    return made(b"RGB ", {b"wtpt": xyz(*D50), **columns, **curves})


def grey(gamma: float) -> bytes:
    return made(b"GRAY", {b"wtpt": xyz(*D50), b"kTRC": curve(gamma)})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_srgb_profile_changes_nothing(kind: str) -> None:
    plain, marked = (
        decode(pictures.encoded(pictures.image(), kind, options)).pixels for options in ({}, {"icc_profile": SRGB})
    )
    assert_alike(marked, plain, 0, f"srgb-{kind}")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_wide_gamut_colours_go_to_srgb(kind: str) -> None:
    colour = (200, 100, 90)
    picture = Image.new("RGB", (32, 32), colour)
    found = decode(pictures.encoded(picture, kind, {"icc_profile": wide_gamut()})).pixels[16, 16]
    # Display P3 (200, 100, 90), gamma 2.2, worked out with the matrices of both spaces: more red, less green and blue.
    linear = np.linalg.solve(np.array(SRGB_D50).T, np.array(P3).T @ (np.array(colour) / 255) ** 2.2)
    expected = np.where(linear > 0.0031308, 1.055 * np.clip(linear, 0, 1) ** (1 / 2.4) - 0.055, linear * 12.92) * 255
    assert np.abs(found - expected).max() <= 4, (found, expected)
    assert found[0] > 210


SRGB_D50 = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def test_a_grey_profile_is_followed() -> None:
    picture = Image.new("L", (8, 8), 100)
    found = decode(pictures.encoded(picture, "PNG", {"icc_profile": grey(1.0)})).pixels[0, 0]
    assert (found == found[0]).all()
    assert abs(int(found[0]) - 168) <= 2  # linear 100/255 in sRGB's curve


def test_a_transparent_picture_keeps_its_alpha_beside_corrected_colours() -> None:
    picture = Image.new("RGBA", (8, 8), (200, 100, 90, 128))
    found = decode(pictures.encoded(picture, "PNG", {"icc_profile": wide_gamut()}))
    assert found.coverage is not None
    assert found.coverage[0, 0] == 128
    assert found.pixels[0, 0, 0] > 210


@pytest.mark.parametrize("broken", [b"x", b"\0" * 200, SRGB[:300], SRGB[:128] + b"\xff" * 400, grey(2.2)], ids=range(5))
def test_a_broken_or_foreign_profile_is_ignored(broken: bytes) -> None:
    found = decode(pictures.encoded(pictures.image(), "PNG", {"icc_profile": broken})).pixels
    assert_alike(found, pictures.blocks(), 0, "broken-profile")


@settings(max_examples=150)
@given(
    of_ink=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8),
    keep=st.floats(0.2, 1),
)
def test_a_damaged_profile_never_spoils_a_picture(of_ink: bool, edits: list[tuple[int, int]], keep: float) -> None:  # noqa: FBT001
    data = bytearray(_ink_profile() if of_ink else wide_gamut())
    for at, value in edits:
        data[at % len(data)] = value
    picture = pictures.image().convert("CMYK" if of_ink else "RGB")
    options = {"icc_profile": bytes(data[: int(len(data) * keep)]), "compression": "raw"}
    assert decode(pictures.encoded(picture, "TIFF", options)).pixels.shape == (48, 64, 3)


def test_a_profile_beyond_all_measure_is_ignored() -> None:
    picture = pictures.image()
    assert profile.to_srgb(picture, wide_gamut() + bytes(profile.LARGEST)) is picture


def test_a_cmyk_profile_is_used() -> None:
    lut = _ink_profile()
    picture = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    assert ImageCms.ImageCmsProfile(io.BytesIO(lut)).profile.xcolor_space.strip() == "CMYK"
    found = decode(pictures.encoded(picture, "TIFF", {"icc_profile": lut, "compression": "raw"})).pixels[0, 0]
    assert np.abs(found.astype(int) - found[0]).max() <= 3
    assert 170 < found[0] < 215, "cyan is a light grey in this profile"


def test_lab_pictures_become_rgb() -> None:
    middle = Image.merge("LAB", [Image.new("L", (8, 8), level) for level in (137, 128, 128)])
    found = decode(pictures.encoded(middle, "TIFF", {"compression": "raw"})).pixels[0, 0]
    assert np.abs(found.astype(int) - 128).max() <= 4


def test_a_tall_photo_is_corrected_from_top_to_bottom() -> None:
    picture = Image.new("RGB", (8, 3 * profile.STRIP + 5), (200, 100, 90))
    found = decode(pictures.encoded(picture, "JPEG", {"icc_profile": wide_gamut()})).pixels
    assert (found == found[0, 0]).all()


def _ink_profile() -> bytes:
    """CMYK to Lab by a table of two steps an ink in which black alone counts: L* from 78 down to 10."""
    head = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    ramp = bytes(range(256))
    body = head + ramp * 4 + bytes([200, 128, 128, 25, 128, 128]) * 8 + ramp * 3
    whole = bytearray(made(b"CMYK", {b"wtpt": xyz(*D50), b"A2B0": body, b"A2B1": body}))
    whole[12:16], whole[20:24] = b"prtr", b"Lab "
    return bytes(whole)


def test_the_profile_that_files_get_is_srgb_and_always_the_same() -> None:
    found = profile.srgb()
    profile.srgb.cache_clear()
    assert profile.srgb() == found
    opened = ImageCms.ImageCmsProfile(io.BytesIO(found))
    assert "sRGB" in ImageCms.getProfileDescription(opened)
    assert opened.profile.creation_date is not None
    assert opened.profile.creation_date.year == 2000
    assert len(found) < 1000
    assert profile.to_srgb(pictures.image(), found).mode == "RGB"
    assert decode(pictures.encoded(pictures.image(), "PNG", {"icc_profile": found})).pixels.shape == (48, 64, 3)
