"""What an evaluation leaves to read: `report.html`, one file with its pictures, and `report.json`."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.heads.head import replace
from training.matte.sheet import sheet_of
from training.shelves.evaluation import Evaluation, shortfall
from training.shelves.figures import Confusion, at_size_of, stretched
from training.shelves.pictures import CLASSES, UNKNOWN, read

TEMPLATE = Path(__file__).with_name("report.html")
PAGE, FACTS = "report.html", "report.json"
_MARKED = 0.6
_DARK = 0.55
_RED = np.array((220, 30, 30), np.uint8)


def write_report(folder: Path, title: str, evaluations: Sequence[Evaluation], gate: float, worst: int = 12) -> Path:
    """Write both files; `worst` pictures of each network are shown. Returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"title": title, "date": now, "gate": gate}
    facts = [facts_of(one, gate) for one in evaluations]
    replace(folder / FACTS, (json.dumps({**told, "evaluations": facts}, indent=1) + "\n").encode())
    shown = [
        {
            "facts": fact,
            "confusion": _base64(_confusion(one.confusion)),
            "sheet": _base64(_sheet(one, worst)) if worst else None,
        }
        for one, fact in zip(evaluations, facts, strict=True)
    ]
    replace(folder / PAGE, _page({**told, "classes": CLASSES, "evaluations": shown}))
    return folder / PAGE


def facts_of(evaluation: Evaluation, gate: float) -> dict[str, Any]:
    predictor, figures = evaluation.predictor, evaluation.figures
    return {
        "network": predictor.name,
        "role": predictor.role,
        "precision": predictor.precision,
        "size_bytes": predictor.size_bytes,
        "pictures": len(evaluation.scores),
        "milliseconds": round(evaluation.milliseconds, 3),
        "passes": shortfall(evaluation, gate) <= 0,
        **asdict(figures),
        "instances": None if evaluation.instances is None else asdict(evaluation.instances),
        "confusion": evaluation.confusion.counts.tolist(),
        "scores": [{"name": one.picture.name, "miou": round(one.figures.miou, 6)} for one in evaluation.scores],
    }


def numbers_of(evaluation: Evaluation) -> Mapping[str, float]:
    """The figures by flat names, for a tracking store."""
    figures = evaluation.figures
    found = {"miou": figures.miou, "accuracy": figures.accuracy, "f1": figures.f1}
    found |= {f"iou_{name}": value for name, value in figures.iou.items()}
    if evaluation.instances is not None:
        found |= {"mask_map": evaluation.instances.mean, "mask_map_50": evaluation.instances.at_50}
    return found | {"milliseconds": evaluation.milliseconds}


def _page(told: dict[str, Any]) -> bytes:
    from jinja2 import Environment, StrictUndefined

    surroundings = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return surroundings.from_string(TEMPLATE.read_text(encoding="utf-8")).render(told).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _confusion(confusion: Confusion) -> bytes:
    """PNG: of each class's pixels (rows), the share that was taken for each class (columns)."""
    from matplotlib.figure import Figure

    shares = confusion.counts / np.maximum(1, confusion.counts.sum(axis=1, keepdims=True))
    figure = Figure(figsize=(4.6, 4.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    axes.set(xlabel="found", ylabel="truth")
    for i, j in np.ndindex(*shares.shape):
        colour = "white" if shares[i, j] > _DARK else "black"
        axes.text(j, i, f"{100 * shares[i, j]:.1f}", ha="center", va="center", color=colour, fontsize=9)
    file = io.BytesIO()
    # The library writes its version into the picture; without it the same figures make the same file.
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def _sheet(evaluation: Evaluation, count: int) -> bytes:
    """JPEG: picture, truth, what was found, and in red where they differ; the worst picture first."""
    rows = []
    for score in evaluation.worst(count):
        picture, truth = read(score.picture)
        found = at_size_of(evaluation.predictor(stretched(picture, evaluation.predictor.side)).mask, truth)
        wrong = np.where(((truth != found) & (truth != UNKNOWN))[..., None], _RED, _grey(picture))
        tiles = [picture, _coloured(picture, truth), _coloured(picture, found), wrong]
        of_classes = "  ".join(f"{name} {value:.2f}" for name, value in score.figures.iou.items())
        rows.append((f"{score.picture.name}  mIoU {score.figures.miou:.3f}  {of_classes}", tiles))
    file = io.BytesIO()
    sheet_of(rows).save(file, "JPEG", quality=88)
    return file.getvalue()


def _coloured(picture: NDArray[np.uint8], classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from imaging.shelf_classes import palette

    colours = palette()[classes]
    return np.asarray(cv2.addWeighted(_grey(picture), 1 - _MARKED, colours, _MARKED, 0), np.uint8)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
