"""CLIP's text tower: what a keyword's prompts look like in the space of the pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoTokenizer, CLIPModel

from training.keywords.errors import KeywordsError
from training.keywords.network import told_of


class Texts(nn.Module):
    """Every keyword in every prompt, as tokens [prompts, labels, length], and the tower that reads them."""

    ids: Tensor
    mask: Tensor

    def __init__(self, tower: nn.Module, projection: nn.Module, ids: Tensor, mask: Tensor, scale: float) -> None:
        super().__init__()
        self.tower, self.projection, self.scale = tower, projection, scale
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, prompt: int) -> Tensor:
        """Vectors at length 1 [labels, width] of the keywords in one prompt."""
        pooled = self.tower(input_ids=self.ids[prompt], attention_mask=self.mask[prompt]).pooler_output
        return functional.normalize(self.projection(pooled).float(), dim=-1)

    @torch.no_grad()
    def prototypes(self) -> Tensor:
        """The mean direction over all prompts, [labels, width] (Radford et al. 2021, prompt ensembling)."""
        return functional.normalize(torch.stack([self(one) for one in range(len(self.ids))]).mean(dim=0), dim=-1)


def has_text_tower(checkpoint: str, revision: str | None = None) -> bool:
    with told_of(checkpoint):
        return bool(AutoConfig.from_pretrained(checkpoint, revision=revision or "main").model_type == "clip")


def load_texts(checkpoint: str, labels: Sequence[str], prompts: Sequence[str], revision: str | None = None) -> Texts:
    """Raises KeywordsError for a checkpoint without text tower or tokenizer, and for a prompt without a place."""
    if wrong := [prompt for prompt in prompts if prompt.count("{}") != 1]:
        raise KeywordsError(f"prompt {wrong[0]!r}: it needs one {{}}, where the keyword goes")
    if not has_text_tower(checkpoint, revision):
        raise KeywordsError(f"{checkpoint}: has no text tower; prompts need a whole CLIP")
    with told_of(checkpoint):
        model: Any = CLIPModel.from_pretrained(checkpoint, revision=revision or "main", dtype=torch.float32)
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint, revision=revision or "main")
        texts = [prompt.format(spoken(label)) for prompt in prompts for label in labels]
        length = model.config.text_config.max_position_embeddings
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
    shape = (len(prompts), len(labels), -1)
    scale = min(100.0, float(model.logit_scale.detach().exp()))
    ids, mask = tokens["input_ids"].view(shape), tokens["attention_mask"].view(shape)
    return Texts(model.text_model, model.text_projection, ids, mask, scale)


def spoken(label: str) -> str:
    """`pot-two-handles_small` as one would say it."""
    return " ".join(label.replace("-", " ").replace("_", " ").split())


def read_prompts(path: Path) -> tuple[str, ...]:
    """One prompt a line, with {} for the keyword."""
    try:
        lines = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise KeywordsError(f"{path}: not readable ({error})") from error
    if not lines:
        raise KeywordsError(f"{path}: no prompts; expected one a line, with {{}} for the keyword")
    return lines
