from __future__ import annotations

from pathlib import Path

import pytest

from imaging.template_file import read
from imaging.template_sheet import TemplateError
from tests.imaging.type_samples import fonts, template, words, written


def refusal(folder: Path, sheet: object, files: dict[str, bytes] | None = None) -> str:
    with pytest.raises(TemplateError) as error:
        read(written(folder, sheet, files))
    said = str(error.value)
    assert said.startswith("template probe, version 1: template.yaml")
    return said


def test_a_template_is_read_with_its_fonts(tmp_path: Path) -> None:
    found = template(tmp_path, words(), fonts())
    assert (found.name, found.version) == ("probe", 1)
    assert list(found.faces) == ["sans"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "description: nothing"])
def test_an_empty_template_draws_nothing(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)).sheet.elements == []


BAR = {"kind": "bar"}


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ({"elements": [{**BAR, "colour": "red"}]}, "elements.0.bar.colour: Extra inputs"),
        ({"elements": [{**BAR, "color": "rot"}]}, "elements.0.bar.color: 'rot' is no colour"),
        ({"elements": [{**BAR, "opacity": 1.5}]}, "elements.0.bar.opacity: 0 to 1"),
        ({"elements": [{**BAR, "opacity": "half"}]}, "elements.0.bar.opacity: 0 to 1"),
        ({"elements": [{**BAR, "box": {"left": "5 em"}}]}, "elements.0.bar.box.left: a share of 0 to 1"),
        ({"elements": [{**BAR, "box": {"left": 1.2}}]}, "elements.0.bar.box.left: a share of 0 to 1"),
        ({"elements": [{**BAR, "box": {"left": "101vw"}}]}, "elements.0.bar.box.left"),
        ({"elements": [{**BAR, "box": {"left": 0, "right": 0, "width": 1}}]}, "left, right, width: only two"),
        ({"elements": [{**BAR, "inside": "frame"}]}, "elements.0: inside: no earlier element is named frame"),
        ({"elements": [{**BAR, "name": "a"}, {**BAR, "name": "a"}]}, "elements.1: name: a is taken"),
        ({"elements": [{**BAR, "given": ["x"]}]}, "elements.0: given: x is not one of the fields"),
        ({"elements": [{**BAR, "color": "{x}"}]}, "elements.0: color: x is not one of the fields"),
        ({"elements": [{"kind": "circle"}]}, "elements.0: Input tag 'circle'"),
        ({"elements": [{"kind": "text", "text": "a", "size": 0.1}]}, "elements.0: fonts: none is not one of"),
        ({"elements": [{"kind": "text", "text": "a", "size": "0px"}]}, "more than 0"),
        ({"elements": [{"kind": "text", "text": "{a.b}", "size": 0.1}]}, "text: a.b is not one of the fields"),
        ({"elements": [{"kind": "text", "text": "{a!r}", "size": 0.1}]}, "a field's name alone"),
        ({"elements": [{"kind": "text", "text": "{", "size": 0.1}]}, "elements.0.text"),
        ({"elements": [{"kind": "text", "text": "a"}]}, "elements.0.text.size: Field required"),
        (
            {"fields": {"t": {"kind": "text"}}, "elements": [{**BAR, "color": "{t}"}]},
            "color: the field t is of kind text",
        ),
        ({"fields": {"c": {"kind": "color"}}, "elements": [{**BAR, "color": "{c}"}]}, "neither required nor has it"),
        (
            {"fields": {"n": {"kind": "number", "default": 1}}, "elements": [{**BAR, "opacity": "{n}"}]},
            "opacity: the field n may be more than 1",
        ),
        ({"fields": {"t": {"kind": "text", "required": True, "default": "x"}}}, "a required field has no default"),
        ({"fields": {"p": {"kind": "price", "default": "1,5"}}}, "fields.p.default: '1,5' is no number"),
        ({"fields": {"p": {"kind": "color", "example": "rot"}}}, "fields.p.example: 'rot' is no colour"),
        ({"fields": {"Title": {"kind": "text"}}}, "fields.Title"),
        ({"sizes": 1}, "sizes: Extra inputs"),
        ([1, 2], "valid dictionary"),
        ("a: [", "is no YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is no YAML"),
        ("\x00", "is no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, sheet: object, said: str) -> None:
    assert said in refusal(tmp_path, sheet)


@pytest.mark.parametrize(
    "name", ["../outside.ttf", "/etc/hostname", "missing.ttf", "link.ttf", "x" * 201, "sub/../../o"]
)
def test_assets_lie_in_the_templates_own_folder(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, {"fonts": {"sans": name}})
    (folder.parent / "outside.ttf").write_bytes(b"secret")
    (folder / "link.ttf").symlink_to(folder.parent / "outside.ttf")
    with pytest.raises(TemplateError, match=r"fonts\.sans") as error:
        read(folder)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ({"fonts": {"sans": "f.bin"}}, "fonts.sans: f.bin: is no readable"),
        ({"elements": [{"kind": "image", "file": "f.bin"}]}, "elements.0: f.bin: the input is not an image"),
    ],
)
def test_a_damaged_asset_is_named(tmp_path: Path, sheet: object, said: str) -> None:
    assert said in refusal(tmp_path, sheet, {"f.bin": b"neither font nor picture"})


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    assert "larger than 256 KiB" in refusal(tmp_path, "# " + "x" * 300_000)


def test_aliases_may_save_words_but_not_fill_the_memory(tmp_path: Path) -> None:
    laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, after in zip("abcdef", "bcdefg", strict=True)
    )
    assert "aliases make it larger" in refusal(tmp_path, laughs)
    assert "aliases make it larger" in refusal(tmp_path, "a: &a [*a]")
    shared = "elements:\n  - &one {kind: bar, color: red}\n  - {<<: *one, opacity: 0.5}\n"
    assert len(read(written(tmp_path, shared)).sheet.elements) == 2
