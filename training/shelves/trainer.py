"""Fine-tuning of a shelf segmenter with transformers' Trainer."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import TrainerCallback, set_seed

from training.batch_trainer import BatchArguments, BatchTrainer, only
from training.matte.average import MovingAverage, newest_checkpoint
from training.matte.checkpoint import all_bases
from training.shelves.errors import ShelvesError
from training.shelves.figures import Confusion, Figures, at_size_of, stretched
from training.shelves.loss import class_weights
from training.shelves.network import ROLES, Learner, ServedShelf, start
from training.shelves.pictures import ShelfPicture, held_back, read
from training.shelves.stream import ShelfStream, ThingsStream
from training.stages import Stage

SERVED_SIDE = 512


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome, apart from the data."""

    architecture: str = "segformer"
    """One of network.ROLES."""
    checkpoint: str | None = None
    """A folder or hub id to start from; None: random weights, of a SegFormer a B0."""
    revision: str | None = None
    decoder_width: int | None = None
    """Channels of the decode head; None: the checkpoint's, 128 where there is none."""
    steps: int = 10_000
    batch: int = 8
    """Pictures of 256x256 a step; larger sizes get as many pixels."""
    stages: tuple[Stage, ...] = (Stage(256, 0.6), Stage(384, 0.4))
    inner: int | None = None
    """The size at which the network looks when it is served; None: the last stage's."""
    learning_rate: float = 5e-4
    """Peak of the cosine, of the encoder."""
    head_learning_rate: float = 1.5e-3
    warmup: int = 300
    weight_decay: float = 0.01
    rarity: float = 0.0
    """How much more rare classes weigh: 0 nothing, 1 in proportion."""
    average: float = 0.999
    """Decay of the moving average of the weights; 0 keeps the last weights."""
    held_back: float = 0.03
    """Share of the pictures, whole aisles, that are not learnt but looked at meanwhile."""
    seed: int = 1

    def __post_init__(self) -> None:
        for holds, text in (
            (self.architecture in ROLES, f"--network is one of {', '.join(ROLES)}"),
            (self.steps >= 1, f"--steps {self.steps}: from 1"),
            (self.batch >= 1, f"--batch {self.batch}: from 1"),
            (self.decoder_width is None or self.decoder_width >= 1, f"--decoder-width {self.decoder_width}: from 1"),
            (self.inner is None or self.inner in range(32, 4097, 32), f"--inner {self.inner}: 32, 64, ... 4096"),
            (self.learning_rate > 0 and self.head_learning_rate > 0, "learning rates are more than 0"),
            (0 <= self.rarity <= 1, f"--rarity {self.rarity:g}: from 0 to 1"),
            (0 <= self.average < 1, f"--average {self.average:g}: from 0, under 1"),
            (0 <= self.held_back < 1, f"--held-back {self.held_back:g}: a share, from 0, under 1"),
        ):
            if not holds:
                raise ShelvesError(text)

    @property
    def looks_at(self) -> int:
        return self.inner or self.stages[-1].size


@dataclass(frozen=True)
class Running:
    """How a run is carried out; has no say in the outcome."""

    output: Path
    save_every: int = 250
    look_every: int = 500
    """Steps between looks at the pictures held back."""
    looked_at: int = 48
    workers: int = 1
    keep: int = 2
    fresh: bool = False
    """Start anew although the output folder holds a checkpoint."""


class ShelfTrainer(BatchTrainer):
    """Looks with the averaged weights, as the network is served."""

    average: MovingAverage
    looks_at: int

    def evaluate(
        self,
        eval_dataset: Dataset[Any] | dict[str, Dataset[Any]] | None = None,
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - the signature is transformers'
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        pictures: Any = eval_dataset or self.eval_dataset
        learner: Any = self.model
        learner.eval()
        with self.average.applied(learner):
            figures = looked_at(learner.network, pictures, self.looks_at)
        learner.train()
        told = {"miou": figures.miou, **{f"iou_{name}": value for name, value in figures.iou.items()}}
        metrics = {f"{metric_key_prefix}_{name}": round(value, 4) for name, value in told.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def looked_at(network: nn.Module, pictures: Sequence[ShelfPicture], inner: int) -> Figures:
    """The figures of a network, as served at 512, on pictures."""
    served, confusion = ServedShelf(network, inner), Confusion()
    device = next(network.parameters()).device
    with torch.inference_mode():
        for picture in pictures:
            pixels, truth = read(picture)
            square = torch.from_numpy(stretched(pixels, SERVED_SIDE))[None].to(device)
            confusion.add(truth, at_size_of(served(square)[0][0].cpu().numpy(), truth))
    return confusion.figures


def train(
    pictures: Sequence[ShelfPicture], recipe: Recipe, running: Running, callbacks: Sequence[TrainerCallback] = ()
) -> Path:
    """Train to the end of the recipe, going on from the newest checkpoint of `running.output` where there is one.

    Under `torchrun` every process takes a batch of its own each step, and the gradients are averaged.

    Returns the folder of the averaged weights: config.json, model.safetensors, preprocessor_config.json.

    Raises:
        ShelvesError: no pictures, a broken mask, or a network whose library is missing.
        MatteError: a broken picture, or a starting checkpoint that cannot be loaded.
    """
    set_seed(recipe.seed)
    learnt, kept = held_back(pictures, recipe.held_back, running.looked_at)
    if not learnt:
        raise ShelvesError("no training pictures")
    network = start(recipe.checkpoint, recipe.revision, recipe.decoder_width, recipe.architecture)
    _refuse_sizes(network.multiple, recipe)
    learner = Learner(network, class_weights(learnt, recipe.rarity))
    last = None if running.fresh else newest_checkpoint(running.output)
    trainer = _trainer(learner, learnt, kept, (recipe, running), last)
    for one in callbacks:
        trainer.add_callback(one)
    if trainer.is_world_process_zero():
        running.output.mkdir(parents=True, exist_ok=True)
        (running.output / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    if trainer.is_world_process_zero():
        trainer.average.write(learner, running.output / "model")
    trainer.finish()
    return running.output / "model"


def _refuse_sizes(multiple: int, recipe: Recipe) -> None:
    for size in (*(stage.size for stage in recipe.stages), recipe.looks_at):
        if size % multiple:
            raise ShelvesError(f"a side of {size}: this network's --sizes and --inner are multiples of {multiple}")


def _trainer(
    learner: Learner,
    learnt: Sequence[ShelfPicture],
    kept: Sequence[ShelfPicture],
    how: tuple[Recipe, Running],
    last: Path | None,
) -> ShelfTrainer:
    recipe, running = how
    arguments = _arguments(recipe, running, looks=len(kept) > 0)
    behind = all_bases(recipe.checkpoint, recipe.revision, last)
    store = partial(_store, size=recipe.looks_at, bases=behind)
    average = MovingAverage(learner, recipe.average, running.output, store, behind)
    if last is not None:
        average.resume(last)
    kind = ThingsStream if learner.network.one_by_one else ShelfStream
    stream = kind(
        learnt, recipe.stages, steps=recipe.steps * arguments.world_size, batch=recipe.batch, seed=recipe.seed
    )
    looked: Any = list(kept)  # the trainer hands it to its own `evaluate` alone
    trainer = ShelfTrainer(
        model=learner,
        args=arguments,
        train_dataset=stream,
        eval_dataset=looked or None,
        data_collator=only,
        optimizers=(_optimizer(learner, recipe), None),
        callbacks=[average],
    )
    trainer.average, trainer.looks_at = average, recipe.looks_at
    return trainer


def _store(learner: Learner, folder: Path, size: int, bases: tuple[str, ...]) -> None:
    learner.network.save(folder, size, bases)


def _optimizer(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    """What is new learns faster than the encoder; only matrices decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in learner.network.named_parameters():
        groups.setdefault((learner.network.is_encoder(name), parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "lr": recipe.learning_rate if encoder else recipe.head_learning_rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (encoder, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(settings, fused=True)


def _arguments(recipe: Recipe, running: Running, *, looks: bool) -> BatchArguments:
    return BatchArguments(
        output_dir=str(running.output),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_kwargs={"min_lr_rate": 0.02},
        warmup_steps=recipe.warmup,
        seed=recipe.seed,
        eval_strategy="steps" if looks else "no",
        eval_steps=running.look_every,
        save_steps=running.save_every,
        save_total_limit=running.keep,
        dataloader_num_workers=running.workers,
    )
