"""The proof itself: what it measures, and that it sees what is wrong."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from export import contract, pictures, ready
from export.checkpoint import open_local
from export.errors import UsageError
from export.mattes import contracted
from export.network import Network, resized
from export.options import Options
from export.processor import Preprocessing, read
from export.proof import Row, prove
from export.roles import ROLES, MatteRole
from export.runtime import Session
from tests.export.checkpoints import SIDE, make_ready


@pytest.fixture
def network(tmp_path: Path, main_role: MatteRole) -> Network:
    return ready.load(open_local(str(make_ready(tmp_path / "ready.onnx"))), main_role, Options())


def failures(network: Network, role: MatteRole, model: onnx.ModelProto, folder: Path) -> set[str]:
    onnx.save(model, folder / "model.onnx")
    samples = pictures.samples(SIDE)
    proof = prove(folder / "model.onnx", network, contract.of_role(role), role.tolerance["fp32"], samples)
    return {row.check for row in proof.rows if not row.ok}


def test_an_untouched_graph_has_no_failures(network: Network, main_role: MatteRole, tmp_path: Path) -> None:
    assert failures(network, main_role, contracted(network, main_role, "fp32"), tmp_path) == set()


@pytest.mark.parametrize(("name", "step"), [("darkroom_mean", 2.0), ("darkroom_gain", 0.002)])
def test_wrong_preprocessing_shows_in_its_own_rows(
    name: str, step: float, network: Network, main_role: MatteRole, tmp_path: Path
) -> None:
    model = contracted(network, main_role, "fp32")
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(step), name))
    found = failures(network, main_role, model, tmp_path)
    assert {row for row in found if row.startswith("preprocessing")} == {
        "preprocessing, colours, its stated values",
        "preprocessing, drawn, its stated values",
    }


def test_wrong_weights_show_in_the_values_and_nowhere_else(
    network: Network, main_role: MatteRole, tmp_path: Path
) -> None:
    model = contracted(network, main_role, "fp32")
    tensor = next(t for t in model.graph.initializer if t.name == "w1")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.1), "w1"))
    found = failures(network, main_role, model, tmp_path)
    assert found
    assert all(row.startswith("values") for row in found)


def test_a_batch_that_mixes_pictures_shows_in_batch_three_only(
    network: Network, main_role: MatteRole, tmp_path: Path
) -> None:
    model = contracted(network, main_role, "fp32")
    nodes = list(model.graph.node)
    last = nodes[-1]
    mixed = onnx.helper.make_node("ReduceMax", [last.input[0]], ["mixed"], axes=[0], keepdims=1)
    spread = onnx.helper.make_node("Max", ["mixed", last.input[0]], ["spread"])
    model.opset_import[0].version = 17  # ReduceMax with its axes as an attribute
    last.input[0] = "spread"
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:-1], mixed, spread, last])
    found = failures(network, main_role, model, tmp_path)
    assert found
    assert all("batch 3" in row for row in found)


def test_another_name_or_shape_shows_in_the_contract_rows(network: Network, main_role: MatteRole) -> None:
    from export.proof import contract_rows

    model = contracted(network, main_role, "fp32")
    promised = contract.of_role(replace(main_role, size=128))
    assert [row.ok for row in contract_rows(promised, model)] == [False, False]
    assert [row.ok for row in contract_rows(contract.of_role(main_role), model)] == [True, True]


def test_a_proof_fails_with_one_row_and_names_it() -> None:
    from export.proof import Proof

    rows = (Row("one", 1.0, 2.0, "levels", ok=True), Row("two", 3.0, 2.0, "levels", ok=False))
    proof = Proof(rows, 3.0)
    assert not proof.ok
    assert proof.failures() == ["two: 3.0 levels"]
    assert proof.table().splitlines()[2].split() == ["two", "3", "2", "levels", "FAILED"]


def test_a_network_that_answers_the_same_everywhere_proves_nothing(
    network: Network, main_role: MatteRole, tmp_path: Path
) -> None:
    tensor = next(t for t in network.graph.graph.initializer if t.name == "w1")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(0), "w1"))
    session = Session(network.graph.SerializeToString())
    dead = replace(network, reference=lambda planes: np.asarray(session.run("input_image", planes)[0], np.float32))
    found = failures(dead, main_role, contracted(dead, main_role, "fp32"), tmp_path)
    assert found == {"range of the reference, at least"}


def test_few_photographs_are_counted_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    assert pictures.samples(SIDE, tmp_path).label == f"photographs (2 from {tmp_path.name})"
    assert pictures.samples(SIDE).label == "drawn"


def test_photographs_come_upright_as_squares_and_spread_over_the_folder(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise by the camera
    for index in range(12):
        picture = Image.new("RGB", (40, 20), (index * 20, 0, 0))
        picture.paste((0, 255, 0), (0, 0, 20, 20))
        picture.save(tmp_path / f"{index:02}.png", exif=exif)
    label, found = pictures.real(SIDE, tmp_path).label, pictures.real(SIDE, tmp_path).batch
    assert label == f"photographs (6 from {tmp_path.name})"
    assert found.shape == (6, SIDE, SIDE, 3)
    assert [int(picture[-1, 0, 0]) for picture in found] == [0, 40, 80, 120, 160, 200]
    assert (found[:, : SIDE // 4, :, 1] > 200).all()


def test_a_folder_without_pictures_or_with_broken_ones_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pictures"):
        pictures.real(SIDE, tmp_path)
    whole = BytesIO()
    Image.new("RGB", (64, 64)).save(whole, "PNG")
    damaged = bytearray(whole.getvalue())
    damaged[36:48] = b"\0" * 12
    for content in (b"\xff\xd8\xff no", bytes(damaged), whole.getvalue()[:50], bomb()):
        (tmp_path / "broken.png").write_bytes(content)
        with pytest.raises(UsageError, match="cannot read the picture"):
            pictures.real(SIDE, tmp_path)


def bomb() -> bytes:
    """A small file of 400 million pixels."""
    file = BytesIO()
    Image.new("1", (20000, 20000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", Preprocessing(stated=True)),
        ('{"do_normalize": false}', Preprocessing(mean=(0, 0, 0), std=(1, 1, 1), stated=True)),
        ('{"do_rescale": false}', Preprocessing(scale=1.0, stated=True)),
        ('{"size": 384}', Preprocessing(size=384, stated=True)),
        ('{"size": {"shortest_edge": 384}}', Preprocessing(size=384, stated=True)),
        ('{"size": 384, "do_resize": false}', Preprocessing(stated=True)),
        ('{"size": 384, "resample": 3}', Preprocessing(size=384, resample="bicubic", stated=True)),
    ],
)
def test_a_processor_file_is_read_as_its_class_reads_it(text: str, wanted: Preprocessing, tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text)
    assert read(tmp_path / "preprocessor_config.json") == wanted


@pytest.mark.parametrize(("before", "after"), [(64, 32), (64, 48), (32, 64), (30, 47)])
def test_the_reference_resize_is_torchs(before: int, after: int) -> None:
    import torch

    planes = np.random.default_rng(0).normal(size=(2, 3, before, before)).astype(np.float32)
    smooth = after < before
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(planes), (after, after), mode="bilinear", antialias=smooth
    ).numpy()
    assert np.abs(resized(planes, after) - wanted).max() < 1e-4


def test_every_role_agrees_with_the_repository_and_has_all_tolerances() -> None:
    for role in ROLES.values():
        promised = contract.read(Options().repository / role.name / "config.pbtxt")
        assert contract.disagreements(promised, contract.of_role(role)) == []
        assert role.tolerance.keys() == {"fp32", "fp16", "int8"}


# Its graph branches on how many boxes are found: ONNX Runtime serves it on every kind of hardware.
WITHOUT_A_PLAN = {"person_detector_faster_rcnn"}


@pytest.mark.parametrize("kind", ["cpu", "cuda", "tensorrt"])
@pytest.mark.parametrize("role", ROLES)
def test_every_kind_of_hardware_serves_the_same_contract(kind: str, role: str) -> None:
    folder = Options().repository / role
    path = folder / "configs" / f"{kind}.pbtxt"
    assert path.exists() is not (kind == "tensorrt" and role in WITHOUT_A_PLAN)
    if path.exists():
        assert contract.read(path) == contract.read(folder / "config.pbtxt")
