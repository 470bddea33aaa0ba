"""SegFormer's encoder as an image tower: small, and sooner trained than a plain transformer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import SegformerConfig, SegformerModel


@dataclass(frozen=True)
class Vectors:
    """`image_embeds` FP32 [n, width], named as CLIP's tower names it."""

    image_embeds: Tensor


class SegformerTower(nn.Module):
    """`pixel_values` FP32 [n, 3, S, S] to vectors: the mean of the last stage's map, as the network classifies.

    Xie et al. 2021, SegFormer, section 3; a stage overlaps its patches, so it needs no positions and takes any side.
    """

    base_model_prefix = "encoder"  # peft asks what transformers' own networks say

    def __init__(self, encoder: SegformerModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.config: SegformerConfig = encoder.config
        self.config.projection_dim = self.config.hidden_sizes[-1]

    def forward(self, pixel_values: Tensor, *, interpolate_pos_encoding: bool = False) -> Vectors:  # noqa: ARG002 - said to a CLIP
        return Vectors(self.encoder(pixel_values).last_hidden_state.mean((2, 3)))

    def save_pretrained(self, folder: Path) -> None:
        plain: Any = self.encoder
        plain.save_pretrained(folder)
