"""Fine-tuning of a SegFormer into a matting network with transformers' Trainer."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn
from transformers import set_seed

from training.batch_trainer import BatchArguments, BatchTrainer, only
from training.matte.average import MovingAverage, newest_checkpoint
from training.matte.checkpoint import all_bases
from training.matte.errors import MatteError
from training.matte.head import fold_head
from training.matte.loss import matte_loss
from training.matte.network import fresh_segformer, load_segformer, normalise, save_segformer
from training.matte.pairs import Pair
from training.matte.stream import BatchStream
from training.stages import Stage

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome, apart from the data."""

    checkpoint: str | None = None
    """A folder or hub id to start from; None: a B0 with random weights."""
    revision: str | None = None
    decoder_width: int = 256
    """Channels of the decode head, for a start without checkpoint."""
    steps: int = 10_000
    batch: int = 8
    """Pictures of 256x256 a step; larger sizes get as many pixels."""
    stages: tuple[Stage, ...] = (Stage(256, 0.8), Stage(384, 0.12), Stage(512, 0.08))
    learning_rate: float = 1e-3
    warmup: int = 300
    """Steps of linear warm-up before the cosine."""
    weight_decay: float = 0.01
    average: float = 0.999
    """Decay of the moving average of the weights; 0 keeps the last weights."""
    seed: int = 1


@dataclass(frozen=True)
class Running:
    """How a run is carried out; has no say in the outcome."""

    output: Path
    save_every: int = 250
    workers: int = 1
    keep: int = 2
    fresh: bool = False
    """Start anew although the output folder holds a checkpoint."""


class MatteTrainer(BatchTrainer):
    """With a matting loss, on a `BatchStream`."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the signature is transformers'
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        logits = model(pixel_values=normalise(inputs["pixels"])).logits
        loss = matte_loss(logits, inputs["alpha"].float() / 255)
        return (loss, {"logits": logits}) if return_outputs else loss

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Transformers 5 stores the hub's names of weights but resumes by the module's own: it would lose them."""
        target = self.model if model is None else model
        assert target is not None, "a trainer has a model"  # noqa: S101 - for the type checker
        target.load_state_dict(load_segformer(resume_from_checkpoint).state_dict())


def train(pairs: Sequence[Pair], recipe: Recipe, running: Running) -> Path:
    """Train to the end of the recipe, going on from the newest checkpoint of `running.output` where there is one.

    Under `torchrun` every process takes a batch of its own each step, and the gradients are averaged.

    Returns the folder of the averaged weights: config.json, model.safetensors, preprocessor_config.json.

    Raises:
        MatteError: no pairs, a broken picture, or a starting checkpoint that cannot be loaded.

    """
    if not pairs:
        raise MatteError("no training pictures")
    set_seed(recipe.seed)
    model = (
        load_segformer(recipe.checkpoint, recipe.revision)
        if recipe.checkpoint
        else fresh_segformer(recipe.decoder_width)
    )
    fold_head(model)
    arguments = _arguments(recipe, running)
    last = None if running.fresh else newest_checkpoint(running.output)
    behind = all_bases(recipe.checkpoint, recipe.revision, last)
    store = partial(save_segformer, size=recipe.stages[-1].size, bases=behind)
    average = MovingAverage(model, recipe.average, running.output, store, behind)
    batches = recipe.steps * arguments.world_size
    trainer = MatteTrainer(
        model=model,
        args=arguments,
        train_dataset=BatchStream(pairs, recipe.stages, steps=batches, batch=recipe.batch, seed=recipe.seed),
        data_collator=only,
        callbacks=[average],
    )
    if last is not None:
        average.resume(last)
    if arguments.process_index == 0:
        _note_recipe(recipe, running.output)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    if arguments.process_index == 0:
        average.write(model, running.output / "model")
    trainer.finish()
    return running.output / "model"


def _arguments(recipe: Recipe, running: Running) -> BatchArguments:
    return BatchArguments(
        output_dir=str(running.output),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        optim="adamw_torch_fused",
        lr_scheduler_kwargs={"min_lr_rate": 0.02},
        warmup_steps=recipe.warmup,
        seed=recipe.seed,
        save_steps=running.save_every,
        save_total_limit=running.keep,
        dataloader_num_workers=running.workers,
    )


def _note_recipe(recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
