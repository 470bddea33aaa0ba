"""Tiny person detectors of the DETR family, with the processor files of their originals."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from export.quiet import quiet_libraries
from export.roles import DetectorRole

SIDE, QUERIES = 64, 36
LABELS = MappingProxyType({0: "bicycle", 1: "person", 2: "car"})
CONFIG = """
name: "{name}"
backend: "onnxruntime"
max_batch_size: 8
input [ {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {side}, {side}, 3 ] }} ]
output [
  {{ name: "boxes" data_type: TYPE_FP32 dims: [ {queries}, 4 ] }},
  {{ name: "scores" data_type: TYPE_FP32 dims: [ {queries} ] }}
]
"""
PERSON = DetectorRole("person_detector", SIDE, QUERIES, ("detr",))
_ENCODER: dict[str, Any] = {
    "encoder_hidden_dim": 32,
    "encoder_ffn_dim": 64,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "decoder_in_channels": [32, 32, 32],
    "hidden_expansion": 0.5,
}
_DECODER: dict[str, Any] = {"decoder_layers": 2, "d_model": 32, "decoder_ffn_dim": 64}
_RESNET: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 16, 32],
    "depths": [1, 1, 1, 1],
    "out_indices": [2, 3, 4],
    "layer_type": "basic",
}
_DINO: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_windows": 2,
    "patch_size": 14,
}
_RF_SIDE = 84  # whole windows of patches, as 560 is; 6 x 6 patches, of which every one becomes a query


def make_repository(folder: Path) -> Path:
    (folder / PERSON.name).mkdir(parents=True)
    text = CONFIG.format(name=PERSON.name, side=SIDE, queries=QUERIES)
    (folder / PERSON.name / "config.pbtxt").write_text(text)
    return folder


def make_rt_detr_v2(folder: Path, side: int = SIDE, queries: int = QUERIES, labels: Mapping[int, str] = LABELS) -> Path:
    from transformers import RTDetrResNetConfig, RTDetrV2Config, RTDetrV2ForObjectDetection

    backbone = RTDetrResNetConfig(**_RESNET)
    config = RTDetrV2Config(
        backbone_config=backbone, encoder_in_channels=[16, 16, 32], **_ENCODER, **_DECODER, **_named(queries, labels)
    )
    _save(RTDetrV2ForObjectDetection, config, folder)
    return _processor(folder, side, image_processor_type="RTDetrImageProcessor", do_normalize=False)


def make_rt_detr(folder: Path) -> Path:
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(**_RESNET)
    config = RTDetrConfig(
        backbone_config=backbone, encoder_in_channels=[16, 16, 32], **_ENCODER, **_DECODER, **_named(QUERIES, LABELS)
    )
    _save(RTDetrForObjectDetection, config, folder)
    return _processor(folder, SIDE, image_processor_type="RTDetrImageProcessor", do_normalize=False)


def make_d_fine(folder: Path) -> Path:
    from transformers import DFineConfig, DFineForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(**_RESNET)
    config = DFineConfig(
        backbone_config=backbone, encoder_in_channels=[16, 16, 32], **_ENCODER, **_DECODER, **_named(QUERIES, LABELS)
    )
    _save(DFineForObjectDetection, config, folder)
    return _processor(folder, SIDE, image_processor_type="RTDetrImageProcessor", do_normalize=False)


def make_rf_detr(folder: Path) -> Path:
    """Works at another side than the contract's, as the originals do, and names its processor as they do."""
    from transformers import RfDetrConfig, RfDetrForObjectDetection

    backbone = {"model_type": "rf_detr_dinov2", "image_size": _RF_SIDE, "out_features": ["stage2", "stage4"], **_DINO}
    config = RfDetrConfig(
        backbone_config=backbone,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        **_DECODER,
        **_named(QUERIES, LABELS),
    )
    _save(RfDetrForObjectDetection, config, folder)
    return _processor(folder, _RF_SIDE, image_processor_type="DetrImageProcessor", do_normalize=True, do_pad=True)


MAKERS: Mapping[str, Callable[[Path], Path]] = MappingProxyType(
    {
        "RTDetrV2ForObjectDetection": make_rt_detr_v2,
        "RTDetrForObjectDetection": make_rt_detr,
        "DFineForObjectDetection": make_d_fine,
        "RfDetrForObjectDetection": make_rf_detr,
    }
)


def by_transformers(
    checkpoint: Path, picture: Image.Image, threshold: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What a reader of the model's page would write: boxes [n, 4] in pixels of the picture, and scores [n]."""
    import transformers

    classes: Any = transformers
    with quiet_libraries(), torch.inference_mode():
        processor = classes.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")
        network = classes.AutoModelForObjectDetection.from_pretrained(checkpoint).eval()
        answer = network(pixel_values=processor(images=picture, return_tensors="pt")["pixel_values"])
        (found,) = processor.post_process_object_detection(
            answer, threshold=threshold, target_sizes=[(picture.height, picture.width)]
        )
    persons = found["labels"] == network.config.label2id["person"]
    return found["boxes"][persons].numpy(), found["scores"][persons].numpy()


def _named(queries: int, labels: Mapping[int, str]) -> dict[str, Any]:
    return {"num_queries": queries, "id2label": dict(labels), "label2id": {name: key for key, name in labels.items()}}


def _save(network: Any, config: Any, folder: Path) -> None:  # noqa: ANN401 - transformers' classes are many
    """Random weights that keep pictures and places apart; the library's own are so small that all queries are alike.

    Queries do not see each other, and those that come with a place in the list are alike: which of two nearly equal
    ones is taken is a matter of the last digit, and in untrained weights it would move all the other boxes.
    """
    torch.manual_seed(5)
    with quiet_libraries():
        model = network(config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() > 1 and parameter.numel():
                    parameter.normal_(std=_gain(name, parameter.dim()) * parameter[0].numel() ** -0.5)
                elif "norm" in name and name.endswith("weight"):
                    parameter.fill_(1)  # the library's batch normalisations start at nearly nothing
                if name.endswith(("query_feat.weight", "reference_point_embed.weight")):
                    parameter.copy_(parameter[:1].expand_as(parameter))
        model.save_pretrained(folder)


def _gain(name: str, dimensions: int) -> float:
    if dimensions == 4:
        return 1.8  # convolutions: half of what comes in is lost at each activation, and nothing was normalised yet
    if "decoder" in name and "self_attn" in name and name.endswith(("out_proj.weight", "o_proj.weight")):
        return 0.0
    return 0.3 if "bbox" in name else 0.6 if "class_embed" in name else 1.0


def _processor(folder: Path, side: int, **facts: Any) -> Path:  # noqa: ANN401
    means = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
    shape = {"do_resize": True, "size": {"height": side, "width": side}, "resample": 2}
    given = {"do_rescale": True, "rescale_factor": 1 / 255, "do_pad": False, **means, **shape, **facts}
    (folder / "preprocessor_config.json").write_text(json.dumps(given))
    return folder
