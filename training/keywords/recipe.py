"""Everything that decides the outcome of a training, apart from the data."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from training.keywords.errors import KeywordsError
from training.keywords.head import HeadKind
from training.stages import Stage

Tuning = Literal["frozen", "blocks", "full", "lora"]
Loss = Literal["cross-entropy", "contrastive"]
Balance = Literal["sampler", "weights", "none"]
PrototypeSource = Literal["prompts", "pictures"]
TUNINGS: tuple[str, ...] = get_args(Tuning)
SOURCES: tuple[str, ...] = get_args(PrototypeSource)
LOSSES: tuple[str, ...] = get_args(Loss)
BALANCES: tuple[str, ...] = get_args(Balance)

PROMPTS = (
    "a photo of a {}.",
    "a photo of a {} in a kitchen.",
    "a cooking step with a {}.",
    "a close-up photo of a {}.",
    "a top-down photo of a {}.",
)


@dataclass(frozen=True)
class Recipe:
    checkpoint: str | None = None
    """A CLIP or a classifier to start from, folder or hub id; None: a fresh tower."""
    revision: str | None = None
    fresh: str = "tiny"
    """The size of a tower with random weights, for a start without checkpoint."""
    new_head: bool = False
    """Start the head anew although the checkpoint has one."""
    head: HeadKind | None = None
    """None: the checkpoint's, prototypes where the loss is contrastive, else linear."""
    hidden: int | None = None
    tuning: Tuning = "frozen"
    blocks: int = 2
    rank: int = 8
    loss: Loss = "cross-entropy"
    tune_text: bool = False
    prompts: tuple[str, ...] = PROMPTS
    prototypes: PrototypeSource | None = None
    """What new prototypes are made of; None: prompts where the checkpoint reads, else pictures."""
    balance: Balance = "sampler"
    smoothing: float = 0.0
    shots: int | None = None
    """Pictures of each keyword that are trained on; None: all."""
    epochs: float = 10.0
    steps: int | None = None
    """Optimiser steps; None: as many as the epochs need. 0: prototypes as they start, zero-shot or of the pictures."""
    batch: int = 32
    stages: tuple[Stage, ...] = (Stage(224, 1.0),)
    learning_rate: float = 1e-5
    """Peak, of the towers."""
    head_learning_rate: float = 3e-3
    warmup: float = 0.05
    """Share of the steps."""
    weight_decay: float = 0.05
    augment: bool = True
    evaluate_every: int | None = None
    """Steps between looks at the validation split; None: about twenty looks."""
    patience: int = 5
    """Looks without a better macro accuracy that end the training; 0 never does."""
    seed: int = 1

    def __post_init__(self) -> None:
        for holds, text in (
            (self.batch >= 1, f"--batch {self.batch}: from 1"),
            (self.epochs > 0, f"--epochs {self.epochs:g}: more than 0"),
            (self.steps is None or self.steps >= 0, f"--steps {self.steps}: from 0"),
            (self.shots is None or self.shots >= 1, f"--shots {self.shots}: from 1"),
            (0 <= self.smoothing < 1, f"--smoothing {self.smoothing:g}: from 0, under 1"),
            (0 <= self.warmup < 1, f"--warmup {self.warmup:g}: a share of the steps, from 0, under 1"),
            (self.learning_rate > 0 and self.head_learning_rate > 0, "learning rates are more than 0"),
            (self.evaluate_every is None or self.evaluate_every >= 1, "--evaluate-every: from 1"),
            (self.patience >= 0, f"--patience {self.patience}: from 0"),
            (self.loss in LOSSES, f"--loss is one of {', '.join(LOSSES)}"),
            (self.balance in BALANCES, f"--balance is one of {', '.join(BALANCES)}"),
            (self.head is None or self.loss != "contrastive" or self.head == "prototypes", _CONTRASTIVE),
            (self.loss != "contrastive" or (self.balance != "weights" and not self.smoothing), _PLAIN),
            (self.prototypes is None or self.prototypes in SOURCES, f"--prototypes is one of {', '.join(SOURCES)}"),
            (not self.tune_text or self.loss == "contrastive", "--tune-text belongs to --loss contrastive"),
        ):
            if not holds:
                raise KeywordsError(text)

    def steps_for(self, pictures: int, processes: int) -> int:
        """Optimiser steps, each of a batch in every process."""
        if self.steps is not None:
            return self.steps
        return max(1, math.ceil(self.epochs * pictures / (self.batch * processes)))


_CONTRASTIVE = "--loss contrastive compares pictures with prototypes; --head is then prototypes"
_PLAIN = "--loss contrastive takes neither class weights nor label smoothing; --balance sampler or none"


@dataclass(frozen=True)
class Running:
    """How a run is carried out; has no say in the outcome."""

    output: Path
    workers: int = 1
    keep: int = 2
    restart: bool = False
    """Start anew although the output folder holds a checkpoint."""
