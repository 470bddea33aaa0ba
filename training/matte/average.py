"""The moving average of the weights: what is evaluated and served, smoother than the last step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.matte.checkpoint import note_bases

WEIGHTS = "average.safetensors"
_WARMUP = 10


class MovingAverage(TrainerCallback):
    """Keeps the average of the weights beside the training.

    Written into every checkpoint, after all else: a checkpoint that has it is complete. `folder/model` always holds the
    newest average as a checkpoint of its own, ready for evaluation and export.
    """

    def __init__(
        self,
        model: nn.Module,
        decay: float,
        folder: Path,
        store: Callable[[Any, Path], None],
        bases: tuple[str, ...] = (),
    ) -> None:
        """`store` writes a model with the averaged weights as a checkpoint directory."""
        self._decay = decay
        self._folder = folder
        self._store = store
        self._bases = bases
        self._weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def resume(self, checkpoint: Path) -> None:
        self._weights = load_file(checkpoint / WEIGHTS)

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: nn.Module,
    ) -> None:
        """Early on the average follows faster: step n keeps at most (1 + n) / (10 + n) of the past."""
        decay = min(self._decay, (1 + state.global_step) / (_WARMUP + state.global_step))
        current: dict[str, Tensor] = kwargs["model"].state_dict()
        with torch.no_grad():
            for name, kept in self._weights.items():
                value = current[name].detach().to(kept.device)
                if kept.is_floating_point():
                    kept.lerp_(value, 1 - decay)
                else:
                    kept.copy_(value)

    def on_save(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: nn.Module,
    ) -> None:
        if not state.is_world_process_zero:
            return
        self.write(kwargs["model"], self._folder / "model")
        checkpoint = self._folder / f"checkpoint-{state.global_step}"
        if self._bases:
            note_bases(checkpoint, self._bases)
        part = checkpoint / f"{WEIGHTS}.part"
        save_file(self._weights, part)
        part.replace(checkpoint / WEIGHTS)

    def write(self, model: nn.Module, folder: Path) -> None:
        """Store the average as a checkpoint directory; the model itself keeps its weights."""
        with self.applied(model):
            self._store(model, folder)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model has the averaged weights meanwhile."""
        kept = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self._weights)
        try:
            yield
        finally:
            model.load_state_dict(kept)


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run; one whose writing was cut short does not count."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{WEIGHTS}")]
    return max(complete, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)
