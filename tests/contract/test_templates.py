"""The shipped templates are sound, and their README lists every key of a template.yaml with its range and default."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from gateway import template_versions
from imaging import shelf, template_sheet
from imaging.preview import examples
from imaging.shelf import Shelf
from imaging.template import drawn
from imaging.template_fields import ColorField, NumberField, PriceField, TextField
from imaging.template_file import read
from imaging.template_schema import Bar, Box, Font, Picture, Reserve, Sheet, Text
from tests.imaging.type_samples import BOLD, fonts, written

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "templates"
README = (FOLDER / "README.md").read_text()
SHELF = Shelf(FOLDER)
VERSIONS = [(name, version) for name in SHELF.names() for version in SHELF.versions(name)]
COMMON = set(Bar.model_fields) & set(Text.model_fields) & set(Picture.model_fields) - {"kind"}
TABLES: dict[str, tuple[type[BaseModel], set[str]]] = {
    "template.yaml": (Sheet, set()),
    "reserve": (Reserve, set()),
    "fonts": (Font, set()),
    "every field": (TextField, {"kind", "max_length"}),
    "`text` field": (TextField, {"kind", "required", "default", "example"}),
    "`number` field": (NumberField, {"kind", "required", "default", "example"}),
    "`price` field": (PriceField, {"kind", "required", "default", "example"}),
    "every element": (Bar, set(Bar.model_fields) - COMMON),
    "box": (Box, set()),
    "`bar` element": (Bar, COMMON | {"kind"}),
    "`text` element": (Text, COMMON | {"kind"}),
    "`image` element": (Picture, COMMON | {"kind"}),
}
KINDS = {"length": "length", "color": "colour", "opacity": "0 to 1, `{field}`"}


def allowed(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return allowed(next(one for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("format") in KINDS:
        return KINDS[schema["format"]]
    if schema.get("type") in {"integer", "number"}:
        least, most = schema.get("minimum"), schema.get("maximum")
        number = "number" if schema["type"] == "number" else "whole number"
        return number if least is None and most is None else f"{number}, {least:g} to {most:g}"
    return text_or_list(schema)


def text_or_list(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list, at most {schema['maxItems']}"
    if kind == "object" and "maxProperties" in schema:
        return f"by name, at most {schema['maxProperties']}"
    if kind == "boolean":
        return "`true`, `false`"
    if "$ref" in schema:
        return "see below"
    return f"text, at most {schema['maxLength']} characters" if "maxLength" in schema else "text"


def default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", [], {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table(model: type[BaseModel], left_out: set[str]) -> str:
    schema = model.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {allowed(schema[name])} | {default(model, name)} | {field.description} |"
        for name, field in model.model_fields.items()
        if name not in left_out
    ]
    return "\n".join(["| key | allowed | default | |", "|---|---|---|---|", *rows])


@pytest.mark.parametrize("title", TABLES)
def test_every_key_is_documented_with_its_range_and_default(title: str) -> None:
    model, left_out = TABLES[title]
    _, _, section = README.partition(f"\n### {title}\n")
    expected = table(model, left_out)
    assert section.partition("\n#")[0].strip().endswith(expected), f"this is the table of {title}:\n{expected}"


def test_a_color_field_has_no_keys_of_its_own() -> None:
    assert set(ColorField.model_fields) <= set(TextField.model_fields)


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    _, _, example = README.partition("```yaml\n")
    logo = io.BytesIO()
    Image.new("RGBA", (80, 40), "navy").save(logo, "PNG")
    files = fonts() | {"DejaVuSans-Bold.ttf": BOLD.read_bytes(), "logo.png": logo.getvalue()}
    probe = read(written(tmp_path, example.partition("```")[0], files))
    picture = np.full((600, 600, 4), 255, np.uint8)
    assert (drawn(picture, probe, examples(probe)) != picture).any()


@pytest.mark.parametrize(("name", "version"), VERSIONS)
@pytest.mark.parametrize("shape", [(400, 400), (500, 400), (400, 600), (360, 640), (640, 360), (200, 600)])
def test_a_shipped_template_draws_its_examples_on_every_shape(name: str, version: int, shape: tuple[int, int]) -> None:
    template = SHELF.load(name, version)
    picture = np.full((*shape, 4), 255, np.uint8)
    assert (drawn(picture, template, examples(template)) != picture).any()


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_a_shipped_template_has_a_licence_beside_its_fonts_and_no_file_too_many(name: str, version: int) -> None:
    template = SHELF.load(name, version)
    used = {"template.yaml", *(font.file for font in template.sheet.fonts.values()), *template.images}
    extra = {path.name for path in (FOLDER / name / str(version)).iterdir()} - used
    assert all(file.startswith("LICENSE") for file in extra)
    assert extra or not template.faces


def test_the_gateway_knows_a_version_by_the_same_names_as_the_step() -> None:
    ours, steps = template_versions, shelf
    assert (ours.NAME, ours.VERSION, ours.FILE) == (steps.NAME, steps.VERSION, template_sheet.FILE)


def test_the_folder_of_the_default_template_is_shipped() -> None:
    assert ("bar", 1) in VERSIONS
