from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from imaging.preview import COLOURS, ROOM_COLOUR, main
from imaging.shelf import Shelf
from imaging.template import drawn
from tests.imaging.pictures import sample
from tests.imaging.type_samples import SHIPPED, written


def run(folder: Path, *arguments: str, templates: Path = SHIPPED) -> tuple[int, Path]:
    out = folder / "out.png"
    return main([*arguments, "--folder", str(templates), "--out", str(out)]), out


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


def test_a_preview_is_what_the_service_draws(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(sample("PNG"))
    status, out = run(tmp_path, "bar", "--photo", str(photo), "--field", "title=a=b", "--field", "price=12")
    assert status == 0
    pixels = np.dstack([np.asarray(opened(photo).convert("RGB")), np.full((48, 64), 255, np.uint8)])
    fields = {"title": "a=b", "price": "12", "subtitle": "Used, checked and cleaned"}
    assert (np.asarray(opened(out)) == drawn(pixels, Shelf(SHIPPED).load("bar"), fields)).all()


def test_without_a_photo_and_fields_it_shows_the_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(tmp_path, "bar", "--size", "300x200")
    assert status == 0
    assert opened(out).size == (300, 200)
    assert "reserves 36 pixels at the bottom, where the picture has 300 x 200" in capsys.readouterr().out


def test_guides_show_the_boxes(tmp_path: Path) -> None:
    _, out = run(tmp_path, "bar", "--size", "300x200", "--guides")
    seen = {colour[:3] for _, colour in opened(out).getcolors(100_000) or [] if isinstance(colour, tuple)}
    assert {ImageColor.getrgb(colour) for colour in (COLOURS["bar"], COLOURS["text"], ROOM_COLOUR)} <= seen


def test_a_sheet_shows_several_shapes(tmp_path: Path) -> None:
    status, out = run(tmp_path, "bar", "--sheet", "--guides")
    assert status == 0
    assert opened(out).width > 1500


def test_a_refusal_is_said_as_the_service_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(tmp_path, "bar", "--field", "titel=x")
    assert status == 1
    assert not out.exists()
    assert "refused: fields: titel: the template has no such field; it has title" in capsys.readouterr().err


def test_a_sheet_says_on_which_shape_it_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(tmp_path, "bar", "--sheet", "--field", "title=" + "Telezoomobjektiv " * 9)
    assert status == 1
    assert out.exists()
    assert "refused: 9:16: fields: title" in capsys.readouterr().err


def test_without_a_name_it_lists_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, "elements: 1", name="broken/2")
    written(tmp_path, "fields: {paint: {kind: color, default: red}}", name="sound/1")
    assert run(tmp_path, templates=tmp_path)[0] == 0
    said = capsys.readouterr().out
    assert "broken, versions 2\n  template broken, version 2: template.yaml: elements" in said
    assert "sound, versions 1\n  paint: color, default 'red'" in said


@pytest.mark.parametrize("arguments", [["bar", "--field", "title"], ["bar", "--size", "10"], ["bar", "--size", "0x10"]])
def test_a_wrong_argument_is_a_usage_error(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        run(tmp_path, *arguments)
    assert error.value.code == 2
