"""Fonts and templates for tests: those of the repository, and a Japanese font that a package brings."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from PIL import features

from imaging.fonts import Face
from imaging.template_file import Template, read

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "templates"
needs_fribidi = pytest.mark.skipif(
    not features.check("fribidi"), reason="right-to-left scripts need FriBidi: apt-get install libfribidi0"
)
LATIN, BOLD = SHIPPED / "bar/1/DejaVuSans.ttf", SHIPPED / "bar/1/DejaVuSans-Bold.ttf"
NO_FIELDS: dict[str, str] = {}
TITLES = {
    "latin": "Canon EF 70-200mm f/2.8L IS III USM",
    "german": "Käfer Übergröße für größere Füße",
    "greek": "Φωτογραφική μηχανή",
    "cyrillic": "Беззеркальная камера",
    "hebrew": "מצלמת Canon EOS R6 גוף בלבד",
    "arabic": "كاميرا بدون مرآة EOS R6",
}


def japanese() -> Path:
    package = importlib.util.find_spec("matplotlib_fontja")
    assert package is not None, "install the extra dev: matplotlib-fontja brings the font"
    assert package.origin is not None
    return Path(package.origin).parent / "fonts" / "ipaexg.ttf"


@cache
def face(path: Path) -> Face:
    return Face(path.name, path.read_bytes())


def written(folder: Path, sheet: object, files: Mapping[str, bytes] | None = None, name: str = "probe/1") -> Path:
    """A version's folder with a template.yaml, and files beside it."""
    version = folder / name
    version.mkdir(parents=True, exist_ok=True)
    text = sheet if isinstance(sheet, str) else yaml.safe_dump(sheet, sort_keys=False)
    (version / "template.yaml").write_text(text)
    for file, data in (files or {}).items():
        (version / file).write_bytes(data)
    return version


def template(folder: Path, sheet: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> Template:
    return read(written(folder, sheet, files))


def words(text: str = "{title}", **keys: object) -> dict[str, object]:
    """A template with one text in a box of half the canvas, in DejaVu Sans."""
    element = {"kind": "text", "text": text, "box": {"width": 0.5, "height": 0.5}, "size": "10%", **keys}
    return {"fonts": {"sans": "DejaVuSans.ttf"}, "fields": {"title": {"kind": "text"}}, "elements": [element]}


def fonts() -> dict[str, bytes]:
    return {"DejaVuSans.ttf": LATIN.read_bytes()}


def plain(height: int, width: int, colour: tuple[int, ...] = (200, 200, 200, 255)) -> np.ndarray:
    return np.full((height, width, 4), colour, np.uint8)
