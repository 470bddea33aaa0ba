"""Tiny shelves and networks for tests."""

from pathlib import Path

import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from training.matte.network import save_segformer
from training.scenes.dataset import Plan, generate


def write_shelves(folder: Path, count: int, *, size: int = 96, frames: int = 0) -> Path:
    """A generated set, with manifest, masks and products."""
    generate(Plan(folder, seed=5, size=size, shelf=frames), count, 1, lambda *_: None)
    return folder


def tiny_matte(folder: Path, width: int = 16) -> Path:
    """A one-class SegFormer of random weights, as a start."""
    torch.manual_seed(0)
    config = SegformerConfig(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=width,
        hidden_dropout_prob=0.0,
        drop_path_rate=0.0,
        classifier_dropout_prob=0.0,
    )
    config.num_labels = 1
    save_segformer(SegformerForSemanticSegmentation(config), folder, 64)
    return folder
