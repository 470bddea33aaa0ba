from __future__ import annotations

import io
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imaging import profile
from imaging.errors import ShapeError
from imaging.formats import FormatError, encoded
from imaging.product_options import Encode
from tests.imaging.comparison import assert_alike

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}
INK = (200, 40, 30)


def wishes(kind: str, **more: object) -> Encode:
    return Encode.model_validate({"format": kind, **more})


def read(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def ramps(height: int, width: int) -> np.ndarray:
    """Smooth and colourful, as lossy formats like it; opaque."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [rows * 255 // height, columns * 255 // width, (rows + columns) * 127 // (height + width), 0 * rows + 255]
    return np.dstack(planes).astype(np.uint8)


def blob(side: int = 96, ink: tuple[int, int, int] = INK) -> np.ndarray:
    """A disc with a soft edge, and nothing, not even colour, around it."""
    rows, columns = np.mgrid[0:side, 0:side]
    distance = np.hypot(rows - side / 2, columns - side / 2)
    alpha = np.clip((side / 3 - distance) / 6 + 0.5, 0, 1)
    shade = (0.7 + 0.3 * columns / side)[..., None] * np.array(ink)
    picture = np.dstack([shade, alpha * 255]).round().astype(np.uint8)
    picture[picture[..., 3] == 0] = 0
    return picture


def on(picture: np.ndarray, ground: tuple[int, int, int]) -> np.ndarray:
    share = picture[..., 3:].astype(np.float32) / 255
    return np.rint(picture[..., :3] * share + np.array(ground, np.float32) * (1 - share)).astype(np.uint8)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_is_what_it_says_and_carries_profile_and_density(kind: str) -> None:
    made = encoded(ramps(40, 60), wishes(kind, dpi=300, quality=95))
    image = read(made.data)
    assert (image.format, image.size, image.mode) == (FORMATS[kind], (60, 40), "RGB")
    assert Image.MIME[FORMATS[kind]] == made.media_type
    assert made.extension == {"jpeg": "jpg"}.get(kind, kind)
    assert image.info["icc_profile"] == profile.srgb()
    told = image.info.get("dpi") or [image.getexif()[tag] for tag in (ExifTags.Base.XResolution, 0x11B)]
    assert told == pytest.approx((300, 300), abs=0.01)
    assert_alike(np.asarray(image), ramps(40, 60)[..., :3], 1.5, f"ramps-{kind}")


@pytest.mark.parametrize("quality", [50, 85, 100])
@pytest.mark.parametrize("kind", ["png", "webp", "avif"])
def test_alpha_is_kept_as_it_is_and_no_dark_rim_comes_in(kind: str, quality: int) -> None:
    picture = blob()
    image = read(encoded(picture, wishes(kind, quality=quality)).data)
    assert image.mode in {"RGBA", "P"}
    found = np.asarray(image.convert("RGBA"))
    assert (found[..., 3] == picture[..., 3]).all()
    for ground in ((255, 255, 255), (30, 120, 60)):
        assert_alike(on(found, ground), on(picture, ground), 1, f"blob-{kind}-{ground[0]}")
    edge = (picture[..., 3] > 20) & (picture[..., 3] < 255)
    darker = on(picture, (255, 255, 255))[edge].astype(int) - on(found, (255, 255, 255))[edge]
    assert darker.mean() < 2, "the edge has grown darker"


@pytest.mark.parametrize("kind", [*FORMATS, "zip"])
def test_the_same_picture_gives_the_same_bytes(kind: str) -> None:
    picture = ramps(50, 50)
    first, second = (encoded(picture.copy(), wishes(kind)).data for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", ["png", "webp"])
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    opaque=st.booleans(),
    few=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_lossless_files_show_every_pixel_again(
    kind: str,
    height: int,
    width: int,
    seed: int,
    *,
    opaque: bool,
    few: bool,
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    if few:
        picture = (
            picture[rng.integers(0, height, picture.shape[:2]), rng.integers(0, width, picture.shape[:2])] // 85 * 85
        )
    if opaque:
        picture[..., 3] = 255
    found = np.asarray(read(encoded(picture, wishes(kind, quality=100, palette="never")).data).convert("RGBA"))
    assert (found[..., 3] == picture[..., 3]).all()
    seen = picture[..., 3] > 0
    assert (found[seen] == picture[seen]).all()


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    kind=st.sampled_from([*FORMATS, "zip"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_pictures_of_any_shape_come_through(height: int, width: int, kind: str, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if kind == "jpeg":
        picture[..., 3] = 255
    data = encoded(picture, wishes(kind, quality=60)).data
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {read(archive.read(name)).size for name in archive.namelist()}
        assert sizes == {(width, height)}
    else:
        assert read(data).size == (width, height)


def test_a_view_of_a_larger_picture_is_written_as_it_looks() -> None:
    part = ramps(60, 60)[10:50:2, 5:45]
    assert (np.asarray(read(encoded(part, wishes("png")).data).convert("RGBA")) == part).all()


def test_jpeg_asks_for_a_ground_where_it_is_needed() -> None:
    with pytest.raises(FormatError, match="jpeg has no transparency: choose a ground"):
        encoded(blob(), wishes("jpeg"))


@pytest.mark.parametrize(("quality", "factor"), [(89, 2), (90, 1)])
@pytest.mark.parametrize("kind", ["jpeg", "zip"])
def test_colour_is_as_sharp_as_brightness_from_quality_90_on(kind: str, quality: int, factor: int) -> None:
    data = encoded(ramps(32, 32), wishes(kind, quality=quality)).data
    if kind == "zip":
        data = zipfile.ZipFile(io.BytesIO(data)).read("color.jpg")
    layers = [layer[1:3] for layer in read(data).layer]  # type: ignore[attr-defined]
    assert layers == [(factor, factor), (1, 1), (1, 1)]


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif", "zip"])
def test_less_quality_is_a_smaller_file(kind: str) -> None:
    noisy = ramps(128, 128)
    noisy[..., :3] ^= np.random.default_rng(0).integers(0, 16, (128, 128, 3), dtype=np.uint8)
    sizes = [len(encoded(noisy, wishes(kind, quality=quality)).data) for quality in (30, 60, 90)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.7 * sizes[-1]


def test_a_zip_holds_colours_without_a_rim_and_the_alpha() -> None:
    picture = blob()
    with zipfile.ZipFile(io.BytesIO(encoded(picture, wishes("zip", dpi=240)).data)) as archive:
        assert {info.filename: info.compress_type for info in archive.infolist()} == {
            "color.jpg": zipfile.ZIP_STORED,
            "alpha.png": zipfile.ZIP_STORED,
        }
        colours, alpha = (read(archive.read(name)) for name in ("color.jpg", "alpha.png"))
    assert (colours.mode, colours.info["icc_profile"]) == ("RGB", profile.srgb())
    assert (alpha.mode, "icc_profile" in alpha.info) == ("L", False)
    for part in (colours, alpha):
        assert part.info["dpi"] == pytest.approx((240, 240), abs=0.01)
    assert (np.asarray(alpha) == picture[..., 3]).all()
    assert_alike(
        on(np.dstack([np.asarray(colours), np.asarray(alpha)]), (255, 255, 255)),
        on(picture, (255, 255, 255)),
        1,
        "zip-on-white",
    )
    near = cv2.dilate(picture[..., 3], np.ones((9, 9))) > 0
    assert np.asarray(colours)[near].min(axis=0)[0] > 0.6 * INK[0], "black beside the subject"


@pytest.mark.parametrize(("kind", "longest"), [("webp", 16_383), ("avif", 32_768), ("jpeg", 65_500), ("zip", 65_500)])
def test_a_side_too_long_for_the_format_is_refused_and_the_longest_is_not(kind: str, longest: int) -> None:
    picture = np.full((1, longest + 1, 4), 255, np.uint8)
    with pytest.raises(
        FormatError, match=f"{kind} holds at most {longest} pixels a side, the picture is {longest + 1} x 1"
    ):
        encoded(picture, wishes(kind))
    assert encoded(picture[:, 1:], wishes(kind)).data
    assert encoded(picture, wishes("png")).data


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (0, 4, 4)])
def test_what_is_no_rgba_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="4 channels with at least one pixel"):
        encoded(np.zeros(shape, np.uint8), wishes("png"))
