"""Exported classifiers small enough to be written by hand: they look at the mean colour."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.training.keyword_data import LABELS

CONFIG = """
name: "keyword_classifier"
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "pixels" data_type: TYPE_UINT8 dims: [ 224, 224, 3 ] } ]
output [ { name: "probabilities" data_type: TYPE_FP32 dims: [ -1 ] label_filename: "labels.txt" } ]
"""
COLOURS = np.eye(3, dtype=np.float32)


def write_version(folder: Path, weights: np.ndarray = COLOURS, labels: Sequence[str] = LABELS, side: int = 224) -> Path:
    """A version as the exporter leaves it: the mean colour times `weights` [3, labels], softmax."""
    folder.mkdir(parents=True)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    constants = {"axes": np.array([1, 2]), "weights": (weights * 0.2).astype(np.float32)}
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [None, side, side, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, weights.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    card = {
        "role": "keyword_classifier",
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "proof": [{"check": "values", "ok": True}],
        "figures": {"kept": 1},
    }
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def repository(folder: Path, served: np.ndarray | None = None, labels: Sequence[str] = LABELS) -> Path:
    """A model repository, with version 1 unless there is none to serve."""
    role = folder / "keyword_classifier"
    role.mkdir(parents=True)
    (role / "config.pbtxt").write_text(CONFIG)
    (role / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    if served is not None:
        write_version(role / "1", served, labels)
    return folder
