"""Toy pictures with exact alpha, and the smallest SegFormer that trains."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from transformers import SegformerConfig, SegformerForSemanticSegmentation

Image = NDArray[np.uint8]


def ellipse(seed: int, size: tuple[int, int] = (96, 128)) -> tuple[Image, Image]:
    """A bright ellipse on a dark gradient: picture [H, W, 3] and alpha [H, W]."""
    rng = np.random.default_rng(seed)
    height, width = size
    alpha = np.zeros(size, np.uint8)
    centre = (int(rng.integers(width // 3, 2 * width // 3)), int(rng.integers(height // 3, 2 * height // 3)))
    axes = (int(rng.integers(width // 6, width // 4)), int(rng.integers(height // 6, height // 4)))
    cv2.ellipse(alpha, centre, axes, 30, 0, 360, 255, -1, cv2.LINE_AA)
    ground = np.linspace(20, 90, width)[None, :, None] * np.ones((height, 1, 3))
    share = alpha[..., None] / 255
    picture = ground * (1 - share) + rng.integers(170, 250, 3) * share + rng.normal(0, 4, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8), alpha


def write_pairs(folder: Path, count: int) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for index in range(count):
        picture, alpha = ellipse(index)
        cv2.imwrite(str(folder / "images" / f"{index:03d}.jpg"), picture[..., ::-1])
        cv2.imwrite(str(folder / "masks" / f"{index:03d}.png"), alpha)
    return folder


def tiny_checkpoint(folder: Path, classes: int = 1) -> Path:
    """A SegFormer of 4 thin stages, random weights."""
    config = SegformerConfig(
        hidden_sizes=[16, 16, 32, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=32,
        drop_path_rate=0.0,
        classifier_dropout_prob=0.1,
    )
    config.num_labels = classes
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    return folder
