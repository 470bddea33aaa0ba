"""What a ready-made file's last nodes and its values say about what is left to do."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.errors import CheckpointError, UsageError
from export.exporter import export
from export.options import Activation, Options
from export.roles import MatteRole
from tests.export.checkpoints import make_ready

Nodes = list[onnx.NodeProto]
CUBIC = [helper.make_node("Resize", ["raw", "", "four"], ["end"], mode="cubic")]
LEVELS = [helper.make_node("Mul", ["raw", "white"], ["end"])]
CLIPPED = [
    helper.make_node("Mul", ["raw", "white"], ["levels"]),
    helper.make_node("Clip", ["levels", "0", "white"], ["end"]),
]
WHOLE = [
    helper.make_node("Mul", ["raw", "white"], ["levels"]),
    helper.make_node("Cast", ["levels"], ["end"], to=TensorProto.UINT8),
]
SQUARED = [helper.make_node("Mul", ["raw", "raw"], ["end"])]
UNIT = [helper.make_node("Clip", ["raw", "0", "1"], ["end"])]
LOW = [helper.make_node("Relu", ["raw"], ["end"])]


def ending(path: Path, nodes: Nodes, *, probability: bool = True, kind: int = TensorProto.FLOAT) -> Path:
    """A ready-made file whose output `raw` goes through more nodes to `end`."""
    model = onnx.load(make_ready(path, probability=probability, output="raw"))
    model.graph.node.extend(nodes)
    constants = {"0": 0, "1": 1, "white": 255, "four": [1, 1, 4, 4]}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items())
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("end", kind, ["n", 1, "h", "w"]))
    onnx.save(model, path)
    return path


def head(path: Path, role: MatteRole, options: Options) -> str:
    return str(json.loads((export(role, str(path), options).folder / "model.json").read_text())["head"]["kind"])


def test_a_resize_that_overshoots_leaves_probabilities(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    assert head(ending(tmp_path / "model.onnx", CUBIC), main_role, options) == "probability"


def test_a_clip_to_one_makes_probabilities(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    assert head(ending(tmp_path / "model.onnx", UNIT, probability=False), main_role, options) == "probability"


@pytest.mark.parametrize(
    ("nodes", "kind", "words"),
    [
        (LEVELS, TensorProto.FLOAT, "reaches from .*--activation"),
        (CLIPPED, TensorProto.FLOAT, "reaches from .*--activation"),
        (WHOLE, TensorProto.UINT8, "of whole numbers.*--activation"),
        (SQUARED, TensorProto.FLOAT, "stays within 0..1 without saying why"),
        (LOW, TensorProto.FLOAT, "--activation"),
    ],
    ids=["times 255", "clipped at 255", "eight bits", "squared", "never negative"],
)
def test_values_that_could_be_anything_need_a_word(
    nodes: Nodes, kind: int, words: str, main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    path = ending(tmp_path / "model.onnx", nodes, probability=nodes is not LOW, kind=kind)
    with pytest.raises(UsageError, match=words):
        export(main_role, str(path), options)


@pytest.mark.parametrize(("stated", "kind"), [("none", "probability"), ("sigmoid", "sigmoid")])
def test_the_word_is_believed(
    stated: Activation, kind: str, main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    told = Options(options.repository, activation=stated)
    assert head(ending(tmp_path / "model.onnx", SQUARED), main_role, told) == kind


def test_levels_are_no_probabilities_whatever_is_said(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    told = Options(options.repository, activation="none")
    with pytest.raises(UsageError, match="--activation none is for values within"):
        export(main_role, str(ending(tmp_path / "model.onnx", LEVELS)), told)


def test_values_that_are_no_numbers_are_refused(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    path = ending(tmp_path / "model.onnx", [helper.make_node("Div", ["raw", "0"], ["end"])], probability=False)
    with pytest.raises(CheckpointError, match="no finite numbers"):
        export(main_role, str(path), options)


def test_which_of_two_classes_is_the_subject_can_be_said(
    main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    path = str(make_ready(tmp_path / "two.onnx", channels=2))
    subjects = [
        json.loads((export(main_role, path, told).folder / "model.json").read_text())["head"]["subject"]
        for told in (options, Options(options.repository, subject=0))
    ]
    assert subjects == [1, 0]
    one = str(make_ready(tmp_path / "one.onnx"))
    with pytest.raises(UsageError, match="chooses between two classes"):
        export(main_role, one, Options(options.repository, subject=1))
