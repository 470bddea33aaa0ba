"""Tiny checkpoints of every kind that the exporter reads."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from export.quiet import quiet_libraries

SIDE = 64
CONFIG = """
name: "{name}"
backend: "onnxruntime"
max_batch_size: 4
input [ {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {side}, {side}, 3 ] }} ]
output [ {{ name: "alpha" data_type: TYPE_UINT8 dims: [ {side}, {side} ] }} ]
"""
REMOTE_CODE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel

class TinyConfig(PretrainedConfig):
    model_type = "tiny_matte"

class TinyMatte(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]  # what the meta device refuses
        self.coarse = torch.nn.Conv2d(3, 1, 8, stride=8)
        self.fine = torch.nn.Conv2d(3, 1, 4, stride=4)

    def forward(self, x):
        return [self.coarse(x), self.fine(x)]

open({mark!r}, "w").close()
"""


def make_repository(folder: Path, side: int = SIDE) -> Path:
    """The three networks' config.pbtxt, with no version."""
    for name in ("step_matte", "main_matte", "product_matte"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(CONFIG.format(name=name, side=side))
    return folder


def tree(folder: Path) -> str:
    """Names, modes and contents of everything below a folder, as one digest."""
    entries = [(p.relative_to(folder).as_posix(), p.stat().st_mode, _content(p)) for p in sorted(folder.rglob("*"))]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def make_segformer(folder: Path, labels: Sequence[str] = ("subject",), size: int = SIDE, *, whole: bool = True) -> Path:
    """A random SegFormer whose mattes use the whole range, so that differences would show; `whole` with its head."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

    torch.manual_seed(7)
    names = dict(enumerate(labels))
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
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    with quiet_libraries():
        model = SegformerForSemanticSegmentation(config)
        _spread(model, size)
        (model if whole else model.segformer).save_pretrained(folder)
        SegformerImageProcessorPil(size={"height": size, "width": size}).save_pretrained(folder)
    return folder


def _spread(model: torch.nn.Module, size: int) -> None:
    """Scales the last layer so that logits have a deviation of two around zero."""
    rng = np.random.default_rng(1)
    noise = torch.from_numpy(rng.normal(0, 1.5, (4, 3, size, size)).astype(np.float32))
    last: Any = model.get_submodule("decode_head.classifier")
    with torch.no_grad():
        logits = model.eval()(noise).logits
        last.weight.mul_(2 / logits.std())
        last.bias.sub_((logits * 2 / logits.std()).mean(dim=(0, 2, 3)))


def make_remote(folder: Path, mark: Path, *, code: str = REMOTE_CODE) -> Path:
    """A checkpoint with its own network code, which leaves a mark when it is read."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text(code.replace("{mark!r}", repr(str(mark))))
    auto_map = {"AutoConfig": "tiny.TinyConfig", "AutoModelForImageSegmentation": "tiny.TinyMatte"}
    config = {"model_type": "tiny_matte", "architectures": ["TinyMatte"], "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(5)
    shapes = {"coarse.weight": (1, 3, 8, 8), "coarse.bias": (1,), "fine.weight": (1, 3, 4, 4), "fine.bias": (1,)}
    save_file({name: torch.randn(shape) for name, shape in shapes.items()}, folder / "model.safetensors")
    return folder


def make_ready(
    path: Path,
    side: int = SIDE,
    *,
    batch: int | str = "n",
    probability: bool = False,
    half: bool = False,
    coarse: bool = False,
    baked: bool = False,
    channels: int = 1,
    opset: int = 18,
    output: str = "output_image",
) -> Path:
    """A ready-made ONNX file: two convolutions to a quarter of the side, and the ends that exporters give."""
    rng = np.random.default_rng(3)
    kind, dtype = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    weights = {"w0": rng.normal(0, 0.4, (8, 3, 4, 4)), "w1": rng.normal(0, 0.6, (channels, 8, 3, 3))}
    tensors = [numpy_helper.from_array(value.astype(dtype), name) for name, value in weights.items()]
    nodes = [
        helper.make_node("Conv", ["input_image", "w0"], ["c0"], strides=[4, 4]),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1]),
    ]
    shape = [batch, channels, side // 4, side // 4]
    if baked:  # as exporters write it that take the example's batch of one for a constant
        tensors.append(numpy_helper.from_array(np.asarray([1, *shape[1:]], dtype=np.int64), "fixed"))
        nodes.append(helper.make_node("Reshape", ["c1", "fixed"], ["b1"]))
    nodes.append(helper.make_node("Sigmoid" if probability else "Identity", ["b1" if baked else "c1"], [output]))
    outputs = [helper.make_tensor_value_info(output, kind, shape)]
    if coarse:
        nodes.append(helper.make_node("MaxPool", ["c1"], ["coarse"], kernel_shape=[2, 2], strides=[2, 2]))
        outputs.insert(0, helper.make_tensor_value_info("coarse", kind, [batch, channels, side // 8, side // 8]))
    source = helper.make_tensor_value_info("input_image", kind, [batch, 3, side, side])
    graph = helper.make_graph(nodes, "ready", [source], outputs, tensors)
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="pytorch"), path)
    return path


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
