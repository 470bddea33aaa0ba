"""The three networks with their real weights: exported into a copy of the repository, and as sessions."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import roles_named
from imaging.cascade import Networks
from tests.faces import photographs

Floats = NDArray[np.float32]
ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(role.name for role in roles_named("face_detector"))


def exported(repository: Path) -> Path:
    """A model repository with these networks, from the wheel of facenet-pytorch."""
    for name in NAMES:
        shutil.copytree(ROOT / "model_repository" / name, repository / name, ignore=shutil.ignore_patterns("[0-9]*"))
    with quiet_libraries():
        for role in roles_named("face_detector"):
            export(role, str(photographs.wheel()), Options(repository, commercial_only=True))
    return repository


def sessions(repository: Path) -> Networks:
    return Networks(*(_session(repository / name / "1" / "model.onnx") for name in NAMES))


def _session(path: Path) -> Callable[[Floats], Awaitable[Mapping[str, Floats]]]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    async def run(pixels: Floats) -> Mapping[str, Floats]:
        return dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))

    return run
