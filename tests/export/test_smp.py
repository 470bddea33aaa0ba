"""Networks of segmentation_models_pytorch through the exporter. Where it is missing only its absence can be tested."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch

from export import pictures
from export.errors import CheckpointError, ExportError, ProofError
from export.exporter import export
from export.kinds import Precision
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import MASK_TOLERANCE, MaskTolerance, ShelfRole
from tests.export.shelf_networks import make_pictures, make_repository, settle

SIDE = 128
UNET = ShelfRole("shelf_segmenter_unet_resnet34", SIDE, ("smp", "state_dict"), "Unet resnet34")
DEEPLAB = ShelfRole("shelf_segmenter_deeplabv3plus_resnet50", SIDE, ("smp", "state_dict"), "DeepLabV3Plus resnet50")
ANY = ShelfRole("shelf_segmenter", SIDE, ("segformer", "smp"))
MISSING = importlib.util.find_spec("segmentation_models_pytorch") is None
needs_library = pytest.mark.skipif(MISSING, reason="needs pip install -e '.[export,smp]'")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=make_repository(tmp_path / "repository", UNET, DEEPLAB, ANY))


@pytest.mark.skipif(not MISSING, reason="segmentation_models_pytorch is here")
def test_without_the_library_it_says_how_to_get_it(options: Options, tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "unet.pth")
    with pytest.raises(ExportError, match=r"unet.pth needs segmentation_models_pytorch .*\.\[export,smp\]"):
        export(UNET, str(tmp_path / "unet.pth"), options)


def test_another_network_than_the_roles_is_refused(options: Options, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    settings = {"_model_class": "FPN", "encoder_name": "resnet18", "classes": 5}
    (tmp_path / "net" / "config.json").write_text(json.dumps(settings))
    (tmp_path / "net" / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="takes Unet resnet34; this is FPN resnet18"):
        export(UNET, str(tmp_path / "net"), options)


@pytest.mark.parametrize(("key", "value"), [("in_channels", 4), ("activation", "sigmoid"), ("classes", 3)])
def test_settings_that_give_other_answers_are_refused(
    key: str, value: object, options: Options, tmp_path: Path
) -> None:
    (tmp_path / "net").mkdir()
    settings = {"_model_class": "Unet", "encoder_name": "resnet34", "classes": 5, key: value}
    (tmp_path / "net" / "config.json").write_text(json.dumps(settings))
    (tmp_path / "net" / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"in_channels|its classes are"):
        export(UNET, str(tmp_path / "net"), options)


@needs_library
@pytest.mark.parametrize("role", [UNET, DEEPLAB], ids=["unet", "deeplab"])
@pytest.mark.parametrize("bare", [False, True], ids=["folder", "state_dict"])
def test_masks_are_the_networks_own(role: ShelfRole, options: Options, tmp_path: Path, *, bare: bool) -> None:
    network = make_network(role)
    checkpoint = tmp_path / "net"
    if bare:
        checkpoint = tmp_path / "net.pth"
        torch.save(network.state_dict(), checkpoint)
    else:
        network.save_pretrained(checkpoint)
    with quiet_libraries():
        done = export(role, str(checkpoint), options)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["architecture"], facts["network_size"]) == (role.network, SIDE)


@needs_library
def test_convolutions_in_eight_bits_hold_or_are_refused_with_the_figure(options: Options, tmp_path: Path) -> None:
    """Random weights have classes of a few pixels, which eight bits lose."""
    make_network(UNET).save_pretrained(tmp_path / "net")
    told = replace(options, precision="int8", pictures=make_pictures(tmp_path / "pictures", 24, SIDE))
    with quiet_libraries():
        with pytest.raises(ProofError, match=r"0\.\d+ mIoU, at least"):
            export(replace(ANY, tolerance=_eight_bits(0.9999)), str(tmp_path / "net"), told)
        done = export(replace(ANY, tolerance=_eight_bits(0.3)), str(tmp_path / "net"), told)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["precision"], facts["calibration_pictures"]) == ("int8", 18)


def _eight_bits(miou: float) -> MappingProxyType[Precision, MaskTolerance]:
    return MappingProxyType({**MASK_TOLERANCE, "int8": MaskTolerance(0.5, miou, 64.0, 0.2)})


def make_network(role: ShelfRole) -> Any:  # noqa: ANN401 - the library has no types
    """The real architecture, random weights, classes that are all there."""
    import segmentation_models_pytorch as library

    torch.manual_seed(2)
    kind, encoder = str(role.network).split()
    network: Any = getattr(library, kind)(encoder, encoder_weights=None, classes=5)
    planes = torch.from_numpy(pictures.drawn(SIDE)).permute(0, 3, 1, 2).float() / 127 - 1
    settle(network, planes)
    last = network.segmentation_head[0]
    with torch.no_grad():
        logits = network(planes)
        last.weight.mul_(4 / logits.std())
        last.bias.sub_((logits * 4 / logits.std()).mean(dim=(0, 2, 3)))
    return network
