from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.matte.command import repeated_pairs
from training.matte.errors import MatteError
from training.matte.pairs import find_pairs, read_pair
from training.stages import parse_stages


def write(path: Path, width: int = 12, height: int = 8, value: int = 200) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (width, height), value).save(path)


def test_two_folders_pair_by_stem_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / "images" / f"{name}.jpg")
        write(tmp_path / "masks" / f"{name}.png")
    assert [(p.name, p.image.name, p.mask.name) for p in find_pairs(tmp_path)] == [
        ("a", "a.jpg", "a.png"),
        ("b", "b.jpg", "b.png"),
    ]


@pytest.mark.parametrize(
    "mask", ["x.mask.png", "x_mask.jpg", "x-mask.png", "x_alpha.webp", "x.alpha.tif", "x-matte.png"]
)
def test_masks_beside_pictures_are_told_by_their_ending(tmp_path: Path, mask: str) -> None:
    write(tmp_path / "x.jpg")
    write(tmp_path / mask)
    (pair,) = find_pairs(tmp_path)
    assert (pair.image.name, pair.mask.name) == ("x.jpg", mask)


def test_the_lossless_mask_is_taken_where_both_exist(tmp_path: Path) -> None:
    write(tmp_path / "x.jpg")
    write(tmp_path / "x.mask.jpg")
    write(tmp_path / "x.mask.png")
    assert find_pairs(tmp_path)[0].mask.name == "x.mask.png"


@pytest.mark.parametrize("name", ["x.jpg", "images/x.jpg"])
def test_a_picture_without_mask_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    if "/" in name:
        (tmp_path / "masks").mkdir()
    with pytest.raises(MatteError, match=r"x\.jpg: no mask; expected .*x\.(mask\.)?png"):
        find_pairs(tmp_path)


def test_a_mask_of_another_size_is_named_with_both_sizes(tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    write(tmp_path / "x.mask.png", width=10)
    with pytest.raises(MatteError, match=r"x\.mask\.png: mask is 10x8, its picture .*x\.png is 12x8"):
        find_pairs(tmp_path)


def test_an_empty_and_a_missing_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MatteError, match="no pictures"):
        find_pairs(tmp_path)
    with pytest.raises(MatteError, match="no such folder"):
        find_pairs(tmp_path / "nowhere")


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    write(tmp_path / "x.mask.png")
    (tmp_path / "x.jpg").write_bytes(b"not a picture")
    with pytest.raises(MatteError, match=r"x\.jpg: not a readable picture"):
        find_pairs(tmp_path)


def test_a_picture_cut_short_is_named_when_it_is_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.jpg")
    write(tmp_path / "x.mask.png", 64, 64)
    data = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(data[: len(data) // 2])
    (pair,) = find_pairs(tmp_path)
    with pytest.raises(MatteError, match=r"x\.jpg: not a readable picture"):
        read_pair(pair)


def test_a_turned_photo_meets_its_upright_mask(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 8), "red").save(tmp_path / "x.jpg", exif=exif)
    write(tmp_path / "x.mask.png", width=8, height=12)
    picture, alpha = read_pair(find_pairs(tmp_path)[0])
    assert picture.shape == (12, 8, 3)
    assert alpha.shape == (12, 8)


def test_sixteen_bit_masks_keep_their_range(tmp_path: Path) -> None:
    write(tmp_path / "x.png", 3, 1)
    cv2.imwrite(str(tmp_path / "x.mask.png"), np.array([[0, 32896, 65535]], np.uint16))
    assert read_pair(find_pairs(tmp_path)[0])[1].tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_cut_out_is_a_mask_by_its_transparency(tmp_path: Path, mode: str) -> None:
    write(tmp_path / "x.png", 3, 1)
    dark = Image.new(mode, (3, 1))
    dark.putalpha(Image.fromarray(np.array([[0, 100, 255]], np.uint8)))
    dark.save(tmp_path / "x.mask.png")
    assert read_pair(find_pairs(tmp_path)[0])[1].tolist() == [[0, 100, 255]]


def test_an_opaque_mask_with_an_alpha_channel_is_read_by_its_grey(tmp_path: Path) -> None:
    write(tmp_path / "x.png", 3, 1)
    Image.fromarray(np.array([[0, 100, 255]], np.uint8)).convert("RGBA").save(tmp_path / "x.mask.png")
    assert read_pair(find_pairs(tmp_path)[0])[1].tolist() == [[0, 100, 255]]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mask_of_zeros_and_ones_is_refused(tmp_path: Path, kind: type[np.uint8 | np.uint16]) -> None:
    write(tmp_path / "x.png", 3, 1)
    cv2.imwrite(str(tmp_path / "x.mask.png"), np.array([[0, 1, 1]], kind))
    with pytest.raises(MatteError, match=r"x\.mask\.png: no value above 1"):
        read_pair(find_pairs(tmp_path)[0])


def test_an_empty_mask_says_that_there_is_no_subject(tmp_path: Path) -> None:
    write(tmp_path / "x.png", 3, 1)
    write(tmp_path / "x.mask.png", 3, 1, value=0)
    assert read_pair(find_pairs(tmp_path)[0])[1].tolist() == [[0, 0, 0]]


def test_a_manifest_written_by_hand_counts_to_its_last_line(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "images" / f"{name}.jpg")
        write(tmp_path / "masks" / f"{name}.png")
    lines = [f'{{"image": "images/{name}.jpg", "mask": "masks/{name}.png"}}' for name in ("a", "b")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    assert [p.name for p in find_pairs(tmp_path)] == ["a", "b"]


def test_a_growing_set_is_read_by_the_whole_lines_of_its_manifest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "images" / f"{name}.jpg")
    write(tmp_path / "masks" / "a.png")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('{"image": "images/a.jpg", "mask": "masks/a.png"}\n{"image": "images/b.j')
    assert [p.name for p in find_pairs(tmp_path)] == ["a"]
    manifest.write_text('{"image": "images/a.jpg"}\n')
    with pytest.raises(MatteError, match=r"manifest\.jsonl: line 1"):
        find_pairs(tmp_path)


def test_a_folder_can_be_repeated(tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    write(tmp_path / "x.mask.png")
    assert len(repeated_pairs(f"{tmp_path}*3")) == 3
    with pytest.raises(MatteError, match=r"DIR\*N"):
        repeated_pairs(f"{tmp_path}*many")


def test_stages_are_read_and_checked() -> None:
    assert [(s.size, s.share) for s in parse_stages("256:0.8,512:0.2")] == [(256, 0.8), (512, 0.2)]
    for wrong in ("256:x", "250:1", "256:0", "32:1"):
        with pytest.raises(Exception, match=wrong):
            parse_stages(wrong)
