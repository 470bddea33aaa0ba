from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.shelf_data import write_shelves
from training.matte.checkpoint import stated_size
from training.shelves.errors import ShelvesError
from training.shelves.network import start
from training.shelves.pictures import find_pictures
from training.shelves.predictor import TorchPredictor
from training.shelves.smp import KINDS, kind_of
from training.shelves.trainer import Recipe, Running, train
from training.stages import Stage


def library_or_skip() -> None:
    try:
        import segmentation_models_pytorch  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"segmentation_models_pytorch does not load here: {error}")


def test_a_missing_library_and_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ShelvesError, match="--network is one of segformer, unet-resnet34"):
        Recipe(architecture="unet")
    with pytest.raises(ShelvesError, match="--decoder-width belongs to --network segformer"):
        start(None, None, 128, "unet-resnet34")
    with pytest.raises(ShelvesError, match="no network; unet-resnet34"):
        start(str(tmp_path), None, None, "unet-resnet34")


@pytest.mark.parametrize("architecture", KINDS)
def test_a_network_is_trained_stored_and_served(architecture: str, tmp_path: Path) -> None:
    library_or_skip()
    pictures = find_pictures(write_shelves(tmp_path / "shelves", 3))
    recipe = Recipe(architecture=architecture, steps=2, batch=16, stages=(Stage(64, 1),), held_back=0, average=0)
    folder = train(pictures, recipe, Running(tmp_path / "run", save_every=2, workers=0))
    assert kind_of(folder) == architecture
    assert stated_size(str(folder)) == 64
    predictor = TorchPredictor(folder)
    assert predictor.role == "shelf_segmenter_" + architecture.replace("-", "_")
    answer = predictor(np.zeros((512, 512, 3), np.uint8))
    assert answer.mask.shape == (512, 512)
    again = start(str(folder), architecture=architecture)
    assert all(torch.isfinite(value).all() for value in again.state_dict().values())
    other = next(name for name in KINDS if name != architecture)
    with pytest.raises(ShelvesError, match=f"a {architecture}; --network asks for {other}"):
        start(str(folder), architecture=other)
