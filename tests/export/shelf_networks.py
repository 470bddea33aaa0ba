"""Tiny networks of shelves: real architectures, random weights that tell pixels apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from export.contract import of_role
from export.quiet import quiet_libraries
from export.roles import ShelfRole
from export.shelf_labels import CLASSES

SIDE = 64


def make_repository(folder: Path, *roles: ShelfRole) -> Path:
    """A config.pbtxt as the exporter promises it, for roles of any size."""
    for role in roles:
        promised = of_role(role)
        lines = [f'name: "{role.name}"', 'backend: "onnxruntime"', "max_batch_size: 8"]
        for kind, tensors in (("input", promised.inputs), ("output", promised.outputs)):
            lines += [
                f'{kind} {{ name: "{one.name}" data_type: {one.dtype} dims: {list(one.dims[1:])} }}' for one in tensors
            ]
        (folder / role.name).mkdir(parents=True)
        (folder / role.name / "config.pbtxt").write_text("\n".join(lines))
    return folder


def make_segformer(folder: Path, names: Sequence[str] = CLASSES, size: int = SIDE) -> Path:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

    torch.manual_seed(7)
    labels = dict(enumerate(names))
    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[4, 2],
        hidden_sizes=[16, 32],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        id2label=labels,
        label2id={name: index for index, name in labels.items()},
    )
    with quiet_libraries():
        model: Any = SegformerForSemanticSegmentation(config)
        last: Any = model.get_submodule("decode_head.classifier")
        with torch.no_grad():
            model.train(mode=False)
            logits = model(torch.from_numpy(noise(4, size))).logits
            last.weight.mul_(4 / logits.std())
            last.bias.sub_((logits * 4 / logits.std()).mean(dim=(0, 2, 3)))
        model.save_pretrained(folder)
        SegformerImageProcessorPil(size={"height": size, "width": size}).save_pretrained(folder)
    return folder


def make_rf_detr(folder: Path, names: Sequence[str] = CLASSES[1:], groups: int = 13) -> Path:
    """Works at another side than the contract's, as the originals do; scores on both sides of the least one."""
    from transformers import RfDetrConfig, RfDetrForInstanceSegmentation

    from tests.export.people import _save

    side = 84
    labels = dict(enumerate(names))
    backbone = {
        "model_type": "rf_detr_dinov2",
        "image_size": side,
        "out_features": ["stage2", "stage4"],
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_windows": 2,
        "patch_size": 14,
    }
    config = RfDetrConfig(
        backbone_config=backbone,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_layers=2,
        d_model=32,
        decoder_ffn_dim=64,
        num_queries=36,
        group_detr=groups,
        id2label=labels,
        label2id={name: index for index, name in labels.items()},
    )
    _save(RfDetrForInstanceSegmentation, config, folder)
    with quiet_libraries():
        network: Any = RfDetrForInstanceSegmentation.from_pretrained(folder)
        with torch.no_grad():
            network.get_submodule("model.class_embed").bias.fill_(-2.2)  # a few of them are found
        network.save_pretrained(folder)
    facts = {
        "image_processor_type": "DetrImageProcessor",
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": (0.485, 0.456, 0.406),
        "image_std": (0.229, 0.224, 0.225),
        "do_pad": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    return folder


def settle(network: Any, planes: torch.Tensor) -> None:  # noqa: ANN401 - networks of libraries without types
    """Normalisations that know what passes through them: without, values of random weights grow without end."""
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # the average over what it sees
            part.reset_running_stats()
    with torch.no_grad():
        network.train()(planes)
    network.eval()


def noise(count: int, size: int) -> Any:  # noqa: ANN401 - float32 planes
    return np.random.default_rng(1).normal(0, 1.5, (count, 3, size, size)).astype(np.float32)


def make_pictures(folder: Path, count: int, size: int = SIDE) -> Path:
    """Rows of plain packages, each picture with other ones."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(count):
        picture = np.full((size, size, 3), 90, dtype=np.uint8)
        for top in range(4, size, 20):
            for left in range(2, size, 10):
                picture[top : top + 14, left : left + 8] = rng.integers(0, 256, 3)
            picture[top + 14 : top + 17] = 200
        Image.fromarray(picture).save(folder / f"{number:03}.png")
    return folder
