"""The contract's own nodes around a network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

from export import pictures, ready
from export.checkpoint import open_local
from export.mattes import contracted
from export.options import Options
from export.processor import Planes
from export.roles import MatteRole
from export.wrap import _Chain
from tests.export.checkpoints import SIDE, make_ready


def resized(planes: Planes, after: int, opset: int) -> Planes:
    """Through a graph of nothing but a resize."""
    channels, before = planes.shape[1:3]
    chain = _Chain("start", opset, "alone")
    chain.resize(channels, before, after)
    sides = (("start", before), (chain.tensor, after))
    start, end = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, side, side]) for name, side in sides
    )
    graph = helper.make_graph(chain.nodes, "alone", [start], [end], chain.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"start": planes})[0])


@pytest.mark.parametrize("opset", [11, 12, 13, 18, 21])
@pytest.mark.parametrize(
    ("before", "after"), [(512, 256), (1024, 256), (512, 192), (64, 40), (47, 30), (31, 29), (64, 1), (30, 47), (8, 64)]
)
def test_a_resize_is_torchs_at_every_opset(before: int, after: int, opset: int) -> None:
    planes = np.random.default_rng(1).integers(0, 256, (2, 3, before, before)).astype(np.float32)
    exact = torch.from_numpy(planes).double()
    wanted = torch.nn.functional.interpolate(exact, (after, after), mode="bilinear", antialias=after < before)
    found = resized(planes, after, opset)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted.numpy()).max() < (
        1e-4 if after < before else 1e-3
    )  # of 255 levels; Resize rounds more


@pytest.mark.parametrize("side", [SIDE // 2, SIDE * 2])
def test_nothing_that_tensorrt_cannot_read_shrinks_a_picture(side: int, main_role: MatteRole, tmp_path: Path) -> None:
    network = ready.load(open_local(str(make_ready(tmp_path / "ready.onnx", side))), main_role, Options())
    small = replace(main_role, size=SIDE // 8)  # below the network's output, which must shrink too
    for role in (main_role, small):
        nodes = contracted(network, role, "fp32").graph.node
        attributes = {attribute.name for node in nodes for attribute in node.attribute}
        assert "antialias" not in attributes


def test_the_last_of_several_pictures_is_shrunk_as_the_first() -> None:
    planes = pictures.drawn(SIDE, 3).transpose(0, 3, 1, 2).astype(np.float32)
    alone = np.concatenate([resized(planes[i : i + 1], 24, 18) for i in range(3)])
    assert np.array_equal(resized(planes, 24, 18), alone)
