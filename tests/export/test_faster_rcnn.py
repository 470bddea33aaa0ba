"""torchvision's Faster R-CNN through the exporter. Where torchvision is missing only its absence can be tested."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from PIL import Image

from export import matching, pictures
from export.contract import of_role
from export.errors import CheckpointError, ExportError, UsageError
from export.exporter import export
from export.matching import Detections
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import BOX_TOLERANCE, ROLES, DetectorRole
from tests.export.checkpoints import tree

ROLE = DetectorRole("person_detector_faster_rcnn", 320, None, ("state_dict",))
CONFIG = Path(__file__).resolve().parents[2] / "model_repository" / ROLE.name / "config.pbtxt"
MISSING = importlib.util.find_spec("torchvision") is None
needs_torchvision = pytest.mark.skipif(MISSING, reason="needs pip install -e '.[export,torchvision]'")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    folder = tmp_path / "repository" / ROLE.name
    folder.mkdir(parents=True)
    (folder / "config.pbtxt").write_text(CONFIG.read_text())
    return Options(repository=tmp_path / "repository")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights whose normalisation knows what passes through it: without, values grow until all scores are 1."""
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    torch.manual_seed(4)
    network: Any = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    planes = torch.from_numpy(pictures.drawn(320)).permute(0, 3, 1, 2).float() / 255
    for part in network.backbone.body.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # the average over what it sees
    with torch.no_grad():
        network.backbone.train()(planes)
        network.rpn.head.cls_logits.weight.normal_(std=0.01)  # larger ones end in ties at 1
        network.roi_heads.box_predictor.cls_score.weight.normal_(std=0.003)
        network.roi_heads.box_predictor.cls_score.bias.zero_()[1] = 3
    path = tmp_path_factory.mktemp("weights") / "faster_rcnn.pth"
    torch.save(network.state_dict(), path)
    return path


def as_torchvision_builds_it(weights: Path) -> Any:  # noqa: ANN401 - torchvision has no types
    """What `fasterrcnn_resnet50_fpn(weights="COCO_V1")` makes, with other weights."""
    from torchvision.models import resnet50
    from torchvision.models.detection import FasterRCNN, _utils, backbone_utils
    from torchvision.ops.misc import FrozenBatchNorm2d

    body = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
    network = FasterRCNN(backbone_utils._resnet_fpn_extractor(body, 3), num_classes=91).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    _utils.overwrite_eps(network, 0.0)
    return network


@needs_torchvision
def test_it_answers_like_torchvision_at_any_size(weights: Path, options: Options) -> None:
    with quiet_libraries():
        done = export(ROLE, str(weights), options)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["role"], facts["architecture"], facts["person_label"]) == (ROLE.name, "fasterrcnn_resnet50_fpn", 1)
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    # What ONNX Runtime works out for itself counts with the server, whatever the file declares.
    assert [isinstance(one.shape[0], str) for one in session.get_outputs()] == [True, True]
    network = as_torchvision_builds_it(weights)
    picture = np.array(Image.fromarray(pictures.drawn(320, 1)[0]).resize((300, 190)))
    boxes, scores = session.run(["boxes", "scores"], {"pixels": picture[None]})
    with torch.inference_mode():
        (answer,) = network([torch.from_numpy(picture).permute(2, 0, 1) / 255])
    persons = answer["labels"] == 1
    sides = np.array([300, 190, 300, 190])
    found = Detections(np.asarray(boxes[0], np.float64), np.asarray(scores[0], np.float64))
    wanted = Detections(answer["boxes"][persons].double().numpy() / sides, answer["scores"][persons].double().numpy())
    assert len(wanted.scores) >= 5
    assert [row for row in matching.rows("", [found], [wanted], BOX_TOLERANCE["fp32"]) if not row.ok] == []


@needs_torchvision
def test_weights_of_another_network_are_refused(options: Options, tmp_path: Path) -> None:
    torch.save({"backbone.conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    before = tree(options.repository)
    with pytest.raises(CheckpointError, match="weights are missing"):
        export(ROLE, str(tmp_path / "other.pth"), options)
    assert tree(options.repository) == before


@pytest.mark.skipif(not MISSING, reason="torchvision is here")
def test_without_torchvision_the_error_names_the_command(options: Options, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "faster_rcnn.pth")
    before = tree(options.repository)
    with pytest.raises(ExportError, match=r"pip install '\.\[export,torchvision\]'"):
        export(ROLE, str(tmp_path / "faster_rcnn.pth"), options)
    assert tree(options.repository) == before


def test_a_folder_of_another_family_is_refused(options: Options, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "rt_detr_v2"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="takes state_dict checkpoints"):
        export(ROLE, str(tmp_path), options)


@pytest.mark.parametrize("given", [{"network_size": 640}, {"subject": 1}, {"precision": "fp16"}])
def test_options_that_make_no_sense_are_refused(given: dict[str, Any], options: Options, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "faster_rcnn.pth")
    with pytest.raises(UsageError, match=r"resizes by its own rule|is for mattes|fp32 or int8"):
        export(ROLE, str(tmp_path / "faster_rcnn.pth"), Options(options.repository, **given))


def test_its_contract_takes_pictures_of_any_size() -> None:
    promised = of_role(ROLES["person_detector_faster_rcnn"])
    assert [tensor.dims for tensor in (*promised.inputs, *promised.outputs)] == [(-1, -1, -1, 3), (-1, -1, 4), (-1, -1)]
