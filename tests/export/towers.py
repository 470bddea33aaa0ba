"""Tiny image embedders of the families that are exported, with the processor files of their originals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from export.quiet import quiet_libraries
from export.roles import EmbedderRole, Framing
from tests.export.checkpoints import SIDE

WIDTH = 24
CONFIG = """
name: "{name}"
backend: "onnxruntime"
max_batch_size: 8
input [ {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {side}, {side}, 3 ] }} ]
output [
  {{ name: "embedding" data_type: TYPE_FP32 dims: [ {width} ] }},
  {{ name: "normalized" data_type: TYPE_FP32 dims: [ {width} ] }}
]
"""
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
LAYERS: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 16}
CLIP = EmbedderRole("embed_clip_vit_b_32", Framing(SIDE, SIDE), WIDTH, ("clip",))
DINO_V2 = EmbedderRole("embed_dino_v2_vit_b_14", Framing(SIDE * 8 // 7, SIDE), WIDTH, ("dinov2",))
DINO_V3 = EmbedderRole("embed_dino_v3_vit_l_16", Framing(None, SIDE, "bilinear"), WIDTH, ("dinov3",))


def make_repository(folder: Path) -> Path:
    for role in (CLIP, DINO_V2, DINO_V3):
        (folder / role.name).mkdir(parents=True)
        text = CONFIG.format(name=role.name, side=role.size, width=role.width)
        (folder / role.name / "config.pbtxt").write_text(text)
    return folder


def make_clip(folder: Path, side: int = SIDE, width: int = WIDTH) -> Path:
    """Both towers, as the hub's checkpoints have them; only the image's is exported."""
    from transformers import CLIPConfig, CLIPModel

    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {"hidden_size": 32, "intermediate_size": 64, "image_size": side, **LAYERS}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=width)
    save_random(CLIPModel, config, folder)
    return clip_processor(folder, side)


def clip_processor(folder: Path, side: int) -> Path:
    return _processor(
        folder,
        image_processor_type="CLIPImageProcessor",
        size={"shortest_edge": side},
        do_center_crop=True,
        crop_size={"height": side, "width": side},
        resample=3,
        image_mean=CLIP_MEAN,
        image_std=CLIP_STD,
    )


def make_dino_v2(folder: Path, side: int = SIDE, width: int = WIDTH) -> Path:
    """Trained at a larger side than it is used at, as the originals are: its positions are interpolated."""
    from transformers import Dinov2Config, Dinov2Model

    save_random(Dinov2Model, Dinov2Config(hidden_size=width, image_size=side * 2, **LAYERS), folder)
    return _processor(
        folder,
        image_processor_type="BitImageProcessor",
        size={"shortest_edge": side * 8 // 7},
        do_center_crop=True,
        crop_size={"height": side, "width": side},
        resample=3,
    )


def make_dino_v3(folder: Path, side: int = SIDE, width: int = WIDTH) -> Path:
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(hidden_size=width, intermediate_size=width * 2, image_size=side, **LAYERS)
    save_random(DINOv3ViTModel, config, folder)
    sides = {"height": side, "width": side}
    return _processor(folder, image_processor_type="DINOv3ViTImageProcessorFast", size=sides, resample=2)


def by_transformers(checkpoint: Path, picture: Image.Image) -> npt.NDArray[np.float32]:
    """What a reader of the model's page would write: the processor on the whole picture, then the network."""
    import transformers

    classes: Any = transformers
    facts = json.loads((checkpoint / "preprocessor_config.json").read_text())
    with quiet_libraries(), torch.inference_mode():
        if facts["image_processor_type"].startswith("DINOv3"):  # the library's own needs torchvision
            side = facts["size"]["height"]
            small = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) / 255
            planes = (small - facts["image_mean"]) / facts["image_std"]
            values = torch.from_numpy(planes.transpose(2, 0, 1)[None].astype(np.float32))
        else:
            processor = classes.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")
            values = processor(images=picture, return_tensors="pt")["pixel_values"]
        if json.loads((checkpoint / "config.json").read_text())["model_type"] == "clip":
            answer = classes.CLIPModel.from_pretrained(checkpoint).eval().get_image_features(pixel_values=values)
        else:
            answer = classes.AutoModel.from_pretrained(checkpoint).eval()(pixel_values=values)
    return np.asarray(answer.pooler_output.numpy()[0])


def save_random(network: Any, config: Any, folder: Path) -> None:  # noqa: ANN401 - transformers' classes are many
    """Random weights with room between pictures: the library's own are so small that all answers would be alike."""
    torch.manual_seed(3)
    with quiet_libraries():
        model = network(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1 and parameter.numel():
                    parameter.normal_(std=parameter[0].numel() ** -0.5)
        model.save_pretrained(folder)


def _processor(folder: Path, **facts: Any) -> Path:  # noqa: ANN401
    means = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
    given = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, **means, **facts}
    (folder / "preprocessor_config.json").write_text(json.dumps(given))
    return folder
