"""Pictures of an evaluation: confusion matrix, reliability diagram, and the most confident mistakes."""

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from training.dataset.shards import Shards
from training.keywords.evaluation import Evaluation
from training.keywords.metrics import Figures
from training.keywords.pictures import decoded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE, CAPTION, COLUMNS = 200, 34, 4
_DARK, _SHORT, _MOST_NUMBERS = 0.55, 22, 30


def confusion(figures: Figures, labels: tuple[str, ...]) -> bytes:
    """PNG: of each keyword's pictures (rows), the share that got each answer (columns), with their number.

    Keywords without pictures that were never said are left out.
    """
    from matplotlib.figure import Figure

    counts = np.array(figures.confusion)
    kept = np.flatnonzero((counts.sum(axis=0) > 0) | (counts.sum(axis=1) > 0))
    counts = counts[np.ix_(kept, kept)]
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = float(np.clip(0.45 * len(kept) + 2.5, 4.5, 20))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [labels[i] for i in kept]
    axes.set_xticks(range(len(kept)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(kept)), names)
    axes.set(xlabel="answer", ylabel="truth")
    for i, j in np.argwhere(counts > 0) if len(kept) <= _MOST_NUMBERS else []:
        colour = "white" if shares[i, j] > _DARK else "black"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=8)
    return _png(figure)


def reliability(figures: Figures) -> bytes:
    """PNG: the share of right answers over the confidence, and how many pictures are that confident."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 5.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    confidence = [one.confidence for one in figures.reliability]
    upper.plot([0, 1], [0, 1], linestyle=":", color="grey")
    upper.plot(confidence, [one.accuracy for one in figures.reliability], marker="o")
    upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02), title=f"ECE {figures.ece:.3f}")
    lower.bar(confidence, [one.pictures for one in figures.reliability], width=0.04)
    lower.set(xlabel="confidence", ylabel="pictures")
    return _png(figure)


def mistakes(evaluation: Evaluation, shards: Shards, count: int) -> bytes | None:
    """JPEG contact sheet of the most confident wrong answers; None where there are none."""
    chosen = evaluation.mistakes(count)
    if not chosen:
        return None
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for place, index in enumerate(chosen):
        left, top = place % COLUMNS * TILE, place // COLUMNS * (TILE + CAPTION)
        said = int(evaluation.said[index])
        share = evaluation.probabilities[index, said]
        lines = [f"{share:.0%} {evaluation.labels[said]}", f"is {evaluation.labels[evaluation.truth[index]]}"]
        for number, line in enumerate(lines):
            draw.text((left + 4, top + 2 + 15 * number), _shortened(line), fill="black", font=font)
        picture = decoded(shards.row(evaluation.split, int(evaluation.rows[index])), evaluation.split)
        small = ImageOps.contain(picture, (TILE - 4, TILE - 4))
        sheet.paste(small, (left + 2, top + CAPTION))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=88)
    return file.getvalue()


def _shortened(text: str) -> str:
    return text if len(text) <= _SHORT + 4 else f"{text[: _SHORT + 3]}…"


def _png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    # The library writes its version into the picture; without it the same figures make the same file.
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()
