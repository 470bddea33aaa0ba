"""Checkpoints of the analysis' networks at their real sizes with random weights, for machines without a model hub.

Speed does not ask what the weights are; sizes are those of openai/clip-vit-base-patch32, facebook/dinov2-base and
PekingU/rtdetr_v2_r18vd.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CLIP, DINO, PERSON = "embed_clip_vit_b_32", "embed_dino_v2_vit_b_14", "person_detector"
IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
COMMON = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
RESNET_18: dict[str, Any] = {
    "embedding_size": 64,
    "hidden_sizes": [64, 128, 256, 512],
    "depths": [2, 2, 2, 2],
    "layer_type": "basic",
}


def make(folder: Path) -> dict[str, Path]:
    """Return the checkpoints' folders by the networks' names; made where they are not there yet."""
    makers = {CLIP: _clip, DINO: _dino, PERSON: _person}
    for name, maker in makers.items():
        if not (folder / name / "preprocessor_config.json").exists():
            maker(folder / name)
    return {name: folder / name for name in makers}


def _clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    make_config: Any = CLIPConfig
    _save(CLIPModel(make_config(projection_dim=512)), folder)
    square = {"height": 224, "width": 224}
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    facts = {"size": {"shortest_edge": 224}, "do_center_crop": True, "crop_size": square, "resample": 3}
    _processor(folder, {"image_processor_type": "CLIPImageProcessor", **facts, "image_mean": mean, "image_std": std})


def _dino(folder: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model

    _save(Dinov2Model(Dinov2Config(image_size=518, patch_size=14)), folder)
    square = {"height": 224, "width": 224}
    facts = {"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": square, "resample": 3}
    _processor(folder, {"image_processor_type": "BitImageProcessor", **facts, **IMAGENET})


def _person(folder: Path) -> None:
    """Knows persons only, so that random weights find some."""
    from transformers import RTDetrResNetConfig, RTDetrV2Config, RTDetrV2ForObjectDetection

    make_config: Any = RTDetrV2Config
    make_backbone: Any = RTDetrResNetConfig
    config = make_config(
        backbone_config=make_backbone(**RESNET_18, out_features=["stage2", "stage3", "stage4"]),
        encoder_in_channels=[128, 256, 512],
        hidden_expansion=0.5,
        decoder_layers=3,
        id2label={0: "person"},
        label2id={"person": 0},
    )
    _save(RTDetrV2ForObjectDetection(config), folder)
    facts = {"image_processor_type": "RTDetrImageProcessor", "size": {"height": 640, "width": 640}, "resample": 2}
    _processor(folder, {**facts, **IMAGENET, "do_normalize": False})


def _save(model: Any, folder: Path) -> None:  # noqa: ANN401 - transformers' classes are many
    """The library's own random weights are so small that every picture would have the same vector."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)


def _processor(folder: Path, facts: dict[str, Any]) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(COMMON | facts))
