"""Training of the head that draws edges, on top of a matting network that stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import set_seed

from training.batch_trainer import BatchArguments, BatchTrainer, only
from training.matte.checkpoint import bases, stated_size
from training.matte.crops import Corners, CropStream, taken
from training.matte.detail import DetailedMatte, DetailHead, load_head, refuse_size, save_head
from training.matte.errors import MatteError
from training.matte.loss import matte_loss
from training.matte.network import load_matte, normalise, save_segformer
from training.matte.pairs import Pair
from training.matte.stream import BatchStream
from training.stages import Stage

PIXELS = 256 * 256


@dataclass(frozen=True)
class DetailRecipe:
    """Everything that decides the outcome, apart from the data."""

    checkpoint: str
    """The matting network, folder or hub id; a folder's own head is trained further."""
    revision: str | None = None
    size: int = 1024
    """Side of the pictures, as they are served."""
    crops: Corners = field(default_factory=Corners)
    pictures: int = 2
    """A step."""
    steps: int = 3000
    learning_rate: float = 2e-3
    warmup: int = 100
    seed: int = 1


@dataclass(frozen=True)
class DetailRunning:
    """How a run is carried out; has no say in the outcome."""

    output: Path
    save_every: int = 250
    workers: int = 1
    fresh: bool = False


class _Judged(nn.Module):
    """The loss of the head on the crops of a batch; the matting network below answers, and learns nothing."""

    def __init__(self, matte: DetailedMatte, side: int) -> None:
        super().__init__()
        self.matte = matte
        self._side = side
        matte.model.requires_grad_(requires_grad=False)

    def forward(self, pixels: Tensor, alpha: Tensor, corners: Tensor) -> dict[str, Tensor]:
        planes = normalise(pixels)
        self.matte.model.eval()  # whatever the trainer has set
        with torch.no_grad():
            coarse = self.matte.coarse(planes)
        times = planes.shape[-1] // coarse.shape[-1]
        seen, hint = taken(planes, corners, self._side), taken(coarse, corners, self._side, times)
        logits = self.matte.head(seen, hint)
        return {"loss": matte_loss(logits, taken(alpha, corners, self._side).float() / 255)}


def train(pairs: Sequence[Pair], recipe: DetailRecipe, running: DetailRunning) -> Path:
    """Train to the end of the recipe, going on from the newest checkpoint of `running.output` where there is one.

    Returns the folder of the matting network with its head: what `save_segformer` writes, and `detail/`.

    Raises:
        MatteError: no pairs, a broken picture, or sizes or a checkpoint that do not fit.

    """
    if not pairs:
        raise MatteError("no training pictures")
    set_seed(recipe.seed)
    model = load_matte(recipe.checkpoint, recipe.revision)
    inner = stated_size(recipe.checkpoint, recipe.revision) or recipe.size
    refuse_size(recipe.size, inner, recipe.checkpoint)
    matte = DetailedMatte(model, load_head(Path(recipe.checkpoint)) or DetailHead(), inner)
    batch = recipe.pictures * recipe.size**2 // PIXELS
    stream = BatchStream(pairs, (Stage(recipe.size, 1.0),), steps=recipe.steps, batch=batch, seed=recipe.seed)
    trainer = BatchTrainer(
        model=_Judged(matte, recipe.crops.side),
        args=_arguments(recipe, running),
        train_dataset=CropStream(stream, recipe.crops, recipe.seed),
        data_collator=only,
    )
    last = not running.fresh and any(running.output.glob("checkpoint-*/trainer_state.json"))
    trainer.train(resume_from_checkpoint=True if last else None)
    folder = running.output / "model"
    known = (recipe.checkpoint, *bases(recipe.checkpoint, recipe.revision))
    save_segformer(model, folder, inner, tuple(dict.fromkeys(known)))
    save_head(matte.head, folder)
    return folder


def _arguments(recipe: DetailRecipe, running: DetailRunning) -> BatchArguments:
    return BatchArguments(
        output_dir=str(running.output),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        weight_decay=0.0,
        optim="adamw_torch_fused",
        lr_scheduler_kwargs={"min_lr_rate": 0.01},
        warmup_steps=recipe.warmup,
        seed=recipe.seed,
        save_steps=running.save_every,
        save_total_limit=2,
        dataloader_num_workers=running.workers,
    )
