"""Every network of an analysis in a copy of the repository: random weights of the families' real shapes at their ends,
faces with MTCNN's own; and a collection.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES, DetectorRole, EmbedderRole, TextRole
from tests.export import captioning, people, sentences, towers
from tests.faces import networks
from training.heads.head import Card, Head
from training.heads.publish import publish

ROOT = Path(__file__).resolve().parents[2]
CLIP, TEXT, DINO, PERSON = (
    "embed_clip_vit_b_32",
    "embed_clip_text_vit_b_32",
    "embed_dino_v2_vit_b_14",
    "person_detector",
)
STEPS = ("analysis", "captioner", "clip_tokenizer", "collections", "decode", "face_detector", "person_boxes")
COLLECTION = 7


@dataclass(frozen=True)
class Made:
    """The copy of the repository, the checkpoints in it by the networks' names, and the collection's head."""

    models: Path
    checkpoints: dict[str, Path]
    head: Head

    @property
    def settings(self) -> dict[str, str]:
        return {"SERVING_MODEL_REPOSITORIES": f"{self.models},{ROOT / 'ensembles'}"}


def made(folder: Path) -> Made:
    models = folder / "models"
    for name in (*STEPS, CLIP, TEXT, DINO, PERSON, "captioner_encoder", "captioner_decoder"):
        ignored = shutil.ignore_patterns("heads", "model.onnx")
        shutil.copytree(ROOT / "model_repository" / name, models / name, ignore=ignored)
    networks.exported(models)
    clip, text, dino, person = (ROLES[name] for name in (CLIP, TEXT, DINO, PERSON))
    assert isinstance(clip, EmbedderRole)
    assert isinstance(text, TextRole)
    assert isinstance(dino, EmbedderRole)
    assert isinstance(person, DetectorRole)
    assert person.count is not None
    checkpoints = {
        CLIP: towers.make_clip(folder / "clip", clip.size, clip.width),
        TEXT: sentences.make_clip(folder / "text", text.width),
        DINO: towers.make_dino_v2(folder / "dino", dino.size, dino.width),
        PERSON: people.make_rt_detr_v2(folder / "person", person.size, person.count, {0: "person"}),
        "captioner_encoder": captioning.make_blip(folder / "blip", side=384),
    }
    with quiet_libraries():
        for name, checkpoint in checkpoints.items():
            export(ROLES[name], str(checkpoint), Options(models, licence="MIT"))
    return Made(models, checkpoints, _published(models / "collections" / "heads"))


def _published(heads: Path) -> Head:
    """A head that any vector may end up on either side of."""
    trained = "2026-01-01T00:00:00+00:00"
    card = Card(COLLECTION, "seven", "first", trained, 512, CLIP, "normalized", "whole_image")
    head = Head(card, np.random.default_rng(5).normal(size=512), 0.1)
    publish(head, heads)
    return head
