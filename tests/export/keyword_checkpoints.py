"""Tiny keyword classifiers as the trainer leaves them, whole CLIPs with words, and what transformers answers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from export.quiet import quiet_libraries
from export.roles import Framing, KeywordRole
from tests.export import sentences, towers
from tests.export.checkpoints import SIDE

LABELS = ("oven-tray", "finalstep", "group_step", "saucepan")
KEYWORDS = KeywordRole("keyword_classifier", Framing(SIDE, SIDE))
TEMPERATURE = 0.7
CONFIG = """
name: "{name}"
backend: "onnxruntime"
max_batch_size: 8
input [ {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {side}, {side}, 3 ] }} ]
output [
  {{ name: "probabilities" data_type: TYPE_FP32 dims: [ -1 ] label_filename: "labels.txt" }},
  {{ name: "scores" data_type: TYPE_FP32 dims: [ -1 ] }},
  {{ name: "labels" data_type: TYPE_UINT8 dims: [ -1 ] }}
]
"""


def make_repository(folder: Path, role: KeywordRole = KEYWORDS) -> Path:
    (folder / role.name).mkdir(parents=True)
    (folder / role.name / "config.pbtxt").write_text(CONFIG.format(name=role.name, side=role.size))
    return folder


def make_classifier(
    folder: Path,
    head: str = "linear",
    labels: Sequence[str] = LABELS,
    side: int = SIDE,
    seed: int = 3,
    **facts: Any,  # noqa: ANN401 - what a test says otherwise
) -> Path:
    """The image's own tower and a head whose answers are far from even."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vision = {"hidden_size": 32, "intermediate_size": 64, "image_size": side, **towers.LAYERS}
    config = CLIPVisionConfig(projection_dim=towers.WIDTH, **vision)
    towers.save_random(CLIPVisionModelWithProjection, config, folder)
    towers.clip_processor(folder, side)
    return _with_head(folder, head, labels, seed, facts)


def make_segformer(folder: Path, labels: Sequence[str] = LABELS, side: int = SIDE) -> Path:
    """A SegFormer's encoder in the place of CLIP's tower."""
    from transformers import SegformerConfig, SegformerModel

    sizes = [8, 8, 16, towers.WIDTH]
    config = SegformerConfig(hidden_sizes=sizes, depths=[1] * 4, num_attention_heads=[1, 1, 2, 2])
    towers.save_random(SegformerModel, config, folder)
    towers.clip_processor(folder, side)
    return _with_head(folder, "linear", labels, 3, {})


def _with_head(folder: Path, head: str, labels: Sequence[str], seed: int, facts: dict[str, Any]) -> Path:
    from safetensors.torch import save_file

    stated: dict[str, Any] = {"labels": list(labels), "head": head, "hidden": 8 if head == "mlp" else None}
    stated |= {"temperature": TEMPERATURE, "prompts": None, **facts}
    (folder / "keywords").mkdir()
    (folder / "keywords" / "config.json").write_text(json.dumps(stated))
    save_file(_tensors(head, len(labels), seed), folder / "keywords" / "model.safetensors")
    return folder


def _tensors(head: str, labels: int, seed: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int, std: float = 1.0) -> torch.Tensor:
        return torch.randn(shape, generator=random) * std

    width = towers.WIDTH
    if head == "linear":
        return {"weight": normal(labels, width, std=4), "bias": normal(labels)}
    if head == "mlp":
        hidden = {"hidden.weight": normal(8, width, std=4), "hidden.bias": normal(8)}
        return {**hidden, "out.weight": normal(labels, 8), "out.bias": normal(labels)}
    rows = torch.nn.functional.normalize(normal(labels, width), dim=-1)
    return {"prototypes": rows, "scale": torch.tensor(10.0)}


def make_clip(folder: Path, side: int = SIDE) -> Path:
    """Both towers with a tokenizer of a few words, and the processor of pictures."""
    sentences.make_clip(folder, towers.WIDTH, side)
    return towers.clip_processor(folder, side)


def by_transformers(checkpoint: Path, picture: Image.Image) -> npt.NDArray[np.float64]:
    """Probabilities of a classifier's checkpoint, as a reader of its files would compute them."""
    import transformers
    from safetensors.numpy import load_file

    classes: Any = transformers
    with quiet_libraries(), torch.inference_mode():
        values = classes.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")(picture, return_tensors="pt")
        if json.loads((checkpoint / "config.json").read_text())["model_type"] == "segformer":
            cells = classes.SegformerModel.from_pretrained(checkpoint).eval()(**values).last_hidden_state[0]
            vector = cells.mean((1, 2)).numpy().astype(np.float64)
        else:
            tower = classes.CLIPVisionModelWithProjection.from_pretrained(checkpoint).eval()
            vector = tower(**values).image_embeds[0].numpy().astype(np.float64)
    facts = json.loads((checkpoint / "keywords" / "config.json").read_text())
    head = load_file(checkpoint / "keywords" / "model.safetensors")
    logits = _logits(facts["head"], head, vector / np.linalg.norm(vector)) / facts["temperature"]
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


def _logits(kind: str, head: dict[str, Any], vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if kind == "linear":
        return np.asarray(head["weight"] @ vector + head["bias"])
    if kind == "mlp":
        before = torch.from_numpy(head["hidden.weight"] @ vector + head["hidden.bias"])
        return np.asarray(head["out.weight"] @ torch.nn.functional.gelu(before).numpy() + head["out.bias"])
    return np.asarray(head["scale"] * (head["prototypes"] @ vector))
