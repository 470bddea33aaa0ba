"""RF-DETR learns generated shelves, thing by thing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from export import instance_networks
from export.loaders import open_checkpoint
from export.options import Options
from export.pictures import samples
from export.quiet import quiet_libraries
from export.roles import ShelfRole
from tests.export.shelf_networks import make_rf_detr, make_segformer
from tests.training.shelf_data import write_shelves
from training.matte.network import MEAN
from training.shelves.errors import ShelvesError
from training.shelves.network import start
from training.shelves.pictures import ShelfPicture, find_pictures, read, read_instances
from training.shelves.predictor import load_predictor
from training.shelves.rf_detr import NAMES, RfDetr, targets
from training.shelves.stream import ThingsStream
from training.shelves.things import KINDS, ROOM, numbered
from training.shelves.trainer import Recipe, Running, train
from training.stages import Stage

SIDE = 84  # the tiny network's
COUNT = 36


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shelves(tmp_path_factory.mktemp("shelves"), 4)


@pytest.fixture(scope="module")
def pictures(shelves: Path) -> list[ShelfPicture]:
    return find_pictures(shelves)


@pytest.fixture(scope="module")
def trained(pictures: list[ShelfPicture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rf_detr")
    recipe = Recipe(
        architecture="rf-detr",
        checkpoint=str(make_rf_detr(folder / "tiny", groups=2)),
        steps=12,
        batch=1,
        stages=(Stage(2 * SIDE, 1),),
        learning_rate=2e-3,
        head_learning_rate=2e-3,
        warmup=2,
        average=0,
        held_back=0,
    )
    return train(pictures, recipe, Running(folder / "run", save_every=12, workers=0))


def test_what_is_trained_is_what_the_exporter_takes(trained: Path) -> None:
    role = ShelfRole("shelf_segmenter_rf_detr", 64, ("detr",), count=COUNT)
    checkpoint = open_checkpoint(role, str(trained), Options())
    with quiet_libraries():
        loaded = instance_networks.load(checkpoint, role, Options(), samples(role.size))
    assert (loaded.side, loaded.preprocessing.mean) == (2 * SIDE, MEAN)
    with torch.inference_mode():
        mask, _, _, instances, boxes, scores, classes = loaded.module(torch.from_numpy(loaded.samples.batch))
    assert (mask.shape, instances.shape, boxes.shape) == ((3, 64, 64), (3, 64, 64), (3, COUNT, 4))
    assert set(classes[scores > 0].tolist()) <= set(KINDS)


def test_the_loss_falls(trained: Path, pictures: list[ShelfPicture]) -> None:
    batch = ThingsStream(pictures, (Stage(2 * SIDE, 1),), steps=1, batch=1, seed=5)[0]
    losses = []
    for folder in (trained.parent.parent / "tiny", trained):
        network = start(str(folder), architecture="rf-detr").train()
        torch.manual_seed(0)
        losses.append(network.losses(batch["pixels"], batch["truth"], torch.ones(5))["loss"].item())
    assert losses[1] < 0.9 * losses[0]


def test_a_batch_without_anything_on_it_is_learnt_too(trained: Path) -> None:
    network = start(str(trained), architecture="rf-detr").train()
    nothing = torch.zeros(2, SIDE // 2, SIDE // 2, dtype=torch.int32)
    loss = network.losses(torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8), nothing, torch.ones(5))["loss"]
    torch.autograd.backward(loss)
    assert torch.isfinite(loss)


def test_looking_gives_every_pixel_the_class_of_its_largest_mask(trained: Path) -> None:
    network = start(str(trained), architecture="rf-detr").eval()
    assert isinstance(network, RfDetr)
    planes = torch.randn(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        logits, embedding = network(planes)
        answer = network.network(pixel_values=planes)
    assert (logits.shape[:2], embedding.shape) == ((2, 5), (2, 32))
    scores, labels = answer.logits.sigmoid().max(dim=-1)
    masks = torch.where((scores > 0.25)[..., None, None], answer.pred_masks, -1e4)
    best, owner = masks.max(dim=1)
    wanted = torch.where(best > 0, labels.gather(1, owner.flatten(1)).view(owner.shape) + 1, 0)
    assert torch.equal(logits.argmax(dim=1), wanted)


def test_what_it_cannot_be_is_told(trained: Path, tmp_path: Path, pictures: list[ShelfPicture]) -> None:
    with pytest.raises(ShelvesError, match="an RF-DETR; export it as shelf_segmenter_rf_detr"):
        load_predictor(trained)
    with pytest.raises(ShelvesError, match="a segformer checkpoint, an RF-DETR is needed"):
        start(str(make_segformer(tmp_path / "segformer")), architecture="rf-detr")
    with pytest.raises(ShelvesError, match="cannot be loaded as an RF-DETR"):
        start(str(tmp_path), architecture="rf-detr")
    with pytest.raises(ShelvesError, match="--decoder-width belongs to"):
        start(None, None, 64, "rf-detr")
    recipe = Recipe(architecture="rf-detr", checkpoint=str(trained), steps=1, stages=(Stage(96, 1),), held_back=0)
    with pytest.raises(ShelvesError, match="a side of 96: this network's --sizes and --inner are multiples of 28"):
        train(pictures, recipe, Running(tmp_path / "run", workers=0))
    bare = [replace(pictures[0], instances=None)]
    with pytest.raises(ShelvesError, match="has no instances/"):
        train(bare, replace(recipe, stages=(Stage(SIDE, 1),)), Running(tmp_path / "run", workers=0))


def test_things_are_the_products_and_the_parts_of_the_other_classes(pictures: list[ShelfPicture]) -> None:
    classes, products = read(pictures[0])[1], read_instances(pictures[0])
    assert products is not None
    values = numbered(classes, products)
    held = values > 0
    assert (values[held] % ROOM == classes[held]).all()
    assert len(np.unique(values[held] // ROOM)) == len(np.unique(values[held]))
    ours = values[(classes == 1) & held]
    assert len(np.unique(ours)) == len(np.unique(products[(classes == 1) & held]))
    batch = ThingsStream(pictures, (Stage(64, 1),), steps=3, batch=1, seed=1)[2]
    assert (batch["pixels"].shape, batch["truth"].shape) == ((16, 3, 64, 64), (16, 32, 32))
    assert set((batch["truth"] % ROOM).flatten().tolist()) <= {0, *KINDS}


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 9999), count=st.integers(0, 6), height=st.integers(1, 20), width=st.integers(1, 20))
def test_targets_are_the_boxes_and_masks_of_what_is_seen(seed: int, count: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    values: NDArray[np.int32] = rng.integers(0, count + 1, (height, width)).astype(np.int32)
    values = np.where(values > 0, values * ROOM + 1 + values % len(NAMES), 0).astype(np.int32)
    found = targets(torch.from_numpy(values))
    numbers = np.unique(values[values > 0])
    assert found["class_labels"].tolist() == [int(value) % ROOM - 1 for value in numbers]
    for value, mask, box in zip(numbers, found["masks"].numpy(), found["boxes"].numpy(), strict=True):
        assert np.array_equal(mask, values == value)
        rows, columns = np.nonzero(values == value)
        x, y, w, h = box * np.array([width, height, width, height])
        ends = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.allclose((x - w / 2, y - h / 2, x + w / 2, y + h / 2), ends, atol=1e-4)
