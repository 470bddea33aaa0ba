"""The reference that drift is measured against: how the pictures of an evaluation looked, and what was found in them.

Figures are measured by the functions that serve; the files are read by what serves without importing this module.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.heads.head import replace
from training.shelves.errors import ShelvesError
from training.shelves.pictures import CLASSES
from training.shelves.predictor import Answer

PROFILE, EMBEDDINGS = "profile.json", "profile.npz"
FEWEST, MOST_EMBEDDINGS, BINS = 20, 500, 10
_DIGITS = 6
# Between which values a figure can lie: the outer edges.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "brightness": (0.0, 255.0),
        "sharpness": (-3.0, 6.0),
        "confidence": (0.0, 1.0),
        "parts": (0.0, 10_000.0),
        **{f"share_{name}": (0.0, 1.0) for name in CLASSES},
    }
)


class Bins(BaseModel):
    """Share of values from each edge to under the next one; values beyond the outer edges belong to the outer bins."""

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Profile(BaseModel):
    """`profile.json`."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    network: str
    pictures: int
    figures: dict[str, Bins]


@dataclass(frozen=True, eq=False)
class Look:
    """Of one picture: its figures by their names, and the network's embedding FP32 [d]."""

    figures: Mapping[str, float]
    embedding: NDArray[np.float32]


def look(picture: NDArray[np.uint8], answer: Answer) -> Look:
    """`picture` RGB UINT8 [H, W, 3] as it came."""
    from imaging import frame_figures, shelf_counts
    from imaging.shelf_classes import ShelfClass

    luma = frame_figures.grey(picture)
    shares = shelf_counts.class_shares(answer.mask)
    figures = {
        "brightness": frame_figures.brightness(luma),
        "sharpness": frame_figures.sharpness(luma),
        "confidence": float(answer.confidence.mean()) / 255,
        "parts": float(shelf_counts.parts(answer.mask, ShelfClass.PRODUCT)),
        **{f"share_{name}": share for name, share in zip(CLASSES, shares, strict=True)},
    }
    return Look(figures, answer.embedding)


def profile_of(network: str, looks: Sequence[Look]) -> Profile:
    """Raises ShelvesError for too few pictures to tell what is usual."""
    if len(looks) < FEWEST:
        raise ShelvesError(f"{len(looks)} pictures; a profile needs {FEWEST}")
    figures = {
        name: bins_of(np.array([one.figures[name] for one in looks]), *limits) for name, limits in RANGES.items()
    }
    return Profile(network=network, pictures=len(looks), figures=figures)


def bins_of(values: NDArray[np.float64], low: float, high: float) -> Bins:
    """As many values in each bin as can be; equal values share one."""
    inner = np.unique(np.round(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]), _DIGITS))
    inner = inner[(inner > low) & (inner < high)]
    if not len(inner):
        inner = np.array([(low + high) / 2])
    counts = np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)
    shares = tuple((counts / counts.sum()).tolist())
    return Bins(edges=(low, *inner.tolist(), high), shares=shares)


def write_profile(folder: Path, network: str, looks: Sequence[Look]) -> Path:
    """Write `profile.json` and, beside it, `profile.npz` with `embeddings` FP32 [n, d]; returns the former's path."""
    profile = profile_of(network, looks)
    chosen = np.linspace(0, len(looks) - 1, min(MOST_EMBEDDINGS, len(looks))).round().astype(int)
    file = io.BytesIO()
    np.savez_compressed(file, embeddings=np.stack([looks[index].embedding for index in chosen]).astype(np.float32))
    replace(folder / EMBEDDINGS, file.getvalue())
    replace(folder / PROFILE, (profile.model_dump_json(indent=1) + "\n").encode())
    return folder / PROFILE
