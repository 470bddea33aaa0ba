"""The report: tables of scores and figures, and sheets of pictures before and after."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import cv2
import numpy as np

from perf.quality import figures, scores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perf.quality.figures import Bytes
    from perf.quality.history import Row, Version
    from perf.quality.measure import Result

TILE = 420
CHECK = 12
COLOUR = (226, 92, 24)
COLUMNS = ("photo", "cut-out", "on colour", "with shadow", "placed")
STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1500px; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr:nth-child(even) { background: #f5f5f5 } th { background: #eee }
.fell { color: #b00020; font-weight: 600 } .sheet { display: grid; grid-template-columns: repeat(5, 1fr); gap: .4rem }
.sheet img { width: 100%; border: 1px solid #ddd } figure { margin: 1.5rem 0 }
pre { background: #f5f5f5; padding: 1rem }
"""


def checker(cut: Bytes) -> Bytes:
    """The cut-out [h, w, 4] before grey squares, [h, w, 3]."""
    rows, columns = np.indices(cut.shape[:2]) // CHECK
    squares = np.where((rows + columns) % 2, 153, 204)[..., None]
    share = cut[..., 3:].astype(np.float32) / 255
    return np.asarray(cut[..., :3] * share + squares * (1 - share) + 0.5, np.float32).astype(np.uint8)


def on_colour(cut: Bytes, colour: tuple[int, int, int] = COLOUR) -> Bytes:
    return np.asarray(figures.on(cut, colour) + 0.5).astype(np.uint8)


def tile(picture: Bytes) -> Bytes:
    """Reduced to the report's size; grey squares come afterwards, so that they are as large everywhere."""
    scale = min(1.0, TILE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def write_sheet(folder: Path, name: str, photo: Bytes, cut: Bytes, finals: Sequence[Bytes]) -> None:
    """The pictures of one case as JPEG: photo, cut-out on squares and on a colour, then what the pipeline made."""
    folder.mkdir(parents=True, exist_ok=True)
    small = tile(cut)
    for number, picture in enumerate((tile(photo), checker(small), on_colour(small), *map(tile, finals))):
        cv2.imwrite(str(folder / f"{name}-{number}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def page(now: Version, before: Version | None, fallen: Sequence[str], shown: Sequence[Result]) -> str:
    """The report as HTML; its pictures are those that `write_sheet` wrote into `pictures/` beside it."""
    since = "first measured on these pictures" if before is None else f"compared with {html.escape(before.commit)}"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Quality {html.escape(now.commit)}</title>",
        f"<style>{STYLE}</style><h1>Quality of product photos</h1>",
        f"<p>Commit {html.escape(now.commit)}, {now.date.isoformat()}; {since}.</p>",
        f"<p>{now.count} pictures, {now.refused} refused.</p>",
        *(f"<p class=fell>{html.escape(text)}</p>" for text in fallen),
        "<h2>Scores out of 10</h2>",
        _six(now, before),
        "<h2>By category</h2>",
        _categories(now.categories),
        f"<h2>How the scores come about</h2><pre>{html.escape(scores.FORMULAS)}</pre>",
        f"<h2>Before and after</h2><p>{', '.join(COLUMNS)}</p>",
        *map(_figure, shown),
    ]
    return "\n".join(parts) + "\n"


def _six(now: Version, before: Version | None) -> str:
    rows = []
    for name, value in now.scores.items():
        was = before.scores.get(name) if before else None
        change = "" if was is None or value is None else f"{value - was:+.2f}"
        rows.append([name.replace("_", " "), _number(value), _number(was), change])
    return _table(["", "now", "before", "change"], rows)


def _categories(categories: dict[str, Row]) -> str:
    heads = list(next(iter(categories.values())))
    rows = [[name, *(_number(row.get(head)) for head in heads)] for name, row in categories.items()]
    return _table(["", *(head.replace("_", " ") for head in heads)], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(head)}" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{top}{body}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value >= 100 else f"{value:.3f}".rstrip("0").rstrip(".")  # noqa: PLR2004


def _figure(result: Result) -> str:
    found = result.figures
    said = (
        f"refused: {result.refused}"
        if found is None
        else f"IoU {found.iou:.3f}, boundary {found.boundary_iou:.3f}, overall {result.points.overall:.1f}"
    )
    name = html.escape(result.case.name)
    pictures = (
        ""
        if found is None
        else "".join(
            f'<img src="pictures/{name}-{number}.jpg" alt="{name}: {column}" loading=lazy>'
            for number, column in enumerate(COLUMNS)
        )
    )
    return f"<figure><figcaption>{name}: {html.escape(said)}</figcaption><div class=sheet>{pictures}</div></figure>"
