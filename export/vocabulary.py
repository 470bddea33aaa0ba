"""Keywords without training: a text for each, which CLIP's own text tower turns into the vector that stands for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from export import label_file, texts, weights
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, UsageError
from export.texts import TextEmbedder

PROMPT = "a photo of a {}"


@dataclass(frozen=True)
class Vocabulary:
    """Keywords, and for each of them the prompts that describe it."""

    labels: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]


def read(path: Path) -> Vocabulary:
    """A keyword a line, or a JSON object of keywords with a prompt or a list of prompts. Raises UsageError."""
    try:
        content = path.read_text(encoding="utf-8")
        given = json.loads(content) if path.suffix == ".json" else _lines(content)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not readable as a list of keywords: {error}") from error
    if not isinstance(given, list | dict):
        raise UsageError(f"{path}: keywords are a list, or an object of keywords and their prompts")
    prompts = given if isinstance(given, dict) else {}
    try:
        labels = label_file.checked(list(given), str(path))
    except CheckpointError as error:
        raise UsageError(str(error)) from error
    return Vocabulary(labels, tuple(_prompts(path, label, prompts) for label in labels))


def _lines(content: str) -> list[str]:
    return [line.strip() for line in content.splitlines() if line.strip()]


def _prompts(path: Path, label: str, given: Mapping[str, object]) -> tuple[str, ...]:
    stated = given.get(label, PROMPT.format(label.replace("-", " ").replace("_", " ")))
    prompts = [stated] if isinstance(stated, str) else stated
    if not isinstance(prompts, list) or not prompts or not all(isinstance(one, str) and one.strip() for one in prompts):
        raise UsageError(f"{path}: {label}: prompts are a text or a list of texts, not {stated!r}")
    return tuple(prompts)


def prototypes(checkpoint: Checkpoint, vocabulary: Vocabulary) -> dict[str, torch.Tensor]:
    """The tensors of a head of prototypes: the mean direction of each keyword's prompts, and CLIP's own scale (Radford
    et al., Learning Transferable Visual Models From Natural Language Supervision, 2021, 3.1.4).

    Raises CheckpointError where a tower, its tokenizer or the scale is missing, and for prompts that are too long.
    """
    from transformers import CLIPTextModelWithProjection

    settings = {key: checkpoint.config[key] for key in ("projection_dim",) if key in checkpoint.config}
    tower = weights.pretrained(checkpoint, CLIPTextModelWithProjection, settings)
    embedder = TextEmbedder(tower).eval()
    length = int(getattr(tower, "config").max_position_embeddings)  # noqa: B009 - torch declares no such attribute
    tokenizer = texts.read_tokenizer(checkpoint)
    rows = [_mean(embedder, checkpoint.source, tokenizer, prompts, length) for prompts in vocabulary.prompts]
    return {"prototypes": torch.stack(rows), "scale": _scale(checkpoint)}


def _mean(
    embedder: TextEmbedder,
    source: str,
    tokenizer: object,
    prompts: Sequence[str],
    length: int,
) -> torch.Tensor:
    ids = torch.from_numpy(texts.tokens(source, tokenizer, prompts, length))
    with torch.inference_mode():
        directions = torch.nn.functional.normalize(embedder.vectors(ids), dim=-1)
        mean = torch.nn.functional.normalize(directions.mean(dim=0), dim=-1)
    if not np.isfinite(mean.numpy()).all():
        raise CheckpointError(f"{source}: the text tower answers with values that are no finite numbers")
    return mean.clone()


def _scale(checkpoint: Checkpoint) -> torch.Tensor:
    found = weights.state(checkpoint).get("logit_scale")
    if found is None:
        raise CheckpointError(f"{checkpoint.source}: no logit_scale, by which CLIP's similarities become logits")
    return found.float().exp().reshape(())
