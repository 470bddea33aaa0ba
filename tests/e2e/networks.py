"""Every network of an analysis in a copy of the repository: random weights of the families' real shapes at their ends,
faces with MTCNN's own; and a collection.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES, DetectorRole, EmbedderRole, TextRole
from tests.export import captioning, people, sentences, towers
from tests.faces import networks as faces
from training.heads.head import Card, Head
from training.heads.publish import publish

ROOT = Path(__file__).resolve().parents[2]
CLIP, TEXT, DINO, DINO_3, PERSON, CAPTIONER = (
    "embed_clip_vit_b_32",
    "embed_clip_text_vit_b_32",
    "embed_dino_v2_vit_b_14",
    "embed_dino_v3_vit_l_16",
    "person_detector",
    "captioner_encoder",
)
STEPS = ("analysis", "captioner", "clip_tokenizer", "collections", "decode", "face_detector", "person_boxes")
COLLECTION = 7


@dataclass(frozen=True)
class Networks:
    """The copy of the repository, the checkpoints in it by the networks' names, and the collection's head."""

    models: Path
    checkpoints: dict[str, Path]
    head: Head

    @property
    def settings(self) -> dict[str, str]:
        return {"SERVING_MODEL_REPOSITORIES": f"{self.models},{ROOT / 'ensembles'}"}


def made(folder: Path) -> Networks:
    models = folder / "models"
    for name in (*STEPS, CLIP, TEXT, DINO, DINO_3, PERSON, CAPTIONER, "captioner_decoder"):
        ignored = shutil.ignore_patterns("heads", "model.onnx")
        shutil.copytree(ROOT / "model_repository" / name, models / name, ignore=ignored)
    faces.exported(models)
    text, person = ROLES[TEXT], ROLES[PERSON]
    assert isinstance(text, TextRole)
    assert isinstance(person, DetectorRole)
    assert person.count is not None
    checkpoints = {
        CLIP: _tower(towers.make_clip, CLIP, folder),
        TEXT: sentences.make_clip(folder / TEXT, text.width),
        DINO: _tower(towers.make_dino_v2, DINO, folder),
        DINO_3: _tower(towers.make_dino_v3, DINO_3, folder),
        PERSON: people.make_rt_detr_v2(folder / PERSON, person.size, person.count, {0: "person"}),
        CAPTIONER: captioning.make_blip(folder / CAPTIONER, side=384),
    }
    with quiet_libraries():
        for name, checkpoint in checkpoints.items():
            export(ROLES[name], str(checkpoint), Options(models, licence="MIT"))
    return Networks(models, checkpoints, _published(models / "collections" / "heads"))


def _tower(make: Callable[[Path, int, int], Path], name: str, folder: Path) -> Path:
    role = ROLES[name]
    assert isinstance(role, EmbedderRole)
    return make(folder / name, role.size, role.width)


def _published(heads: Path) -> Head:
    """A head that any vector may end up on either side of."""
    trained = "2026-01-01T00:00:00+00:00"
    card = Card(COLLECTION, "seven", "first", trained, 512, CLIP, "normalized", "whole_image")
    head = Head(card, np.random.default_rng(5).normal(size=512), 0.1)
    publish(head, heads)
    return head
