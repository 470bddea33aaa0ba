"""transformers' Trainer for data sets whose items are whole batches in a fixed order."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.distributed import is_torchelastic_launched
from torch.utils.data import Dataset, SequentialSampler
from transformers import Trainer, TrainingArguments


def has_fast_bfloat16() -> bool:
    """Whether bfloat16 is faster than FP32 here: on a GPU that has it, or a CPU with AVX512-BF16 or AMX."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def _has_no_gpu() -> bool:
    return not torch.cuda.is_available()


def _backend() -> str | None:
    """Of several processes."""
    if not is_torchelastic_launched():
        return None
    return "nccl" if torch.cuda.is_available() else "gloo"


@dataclass
class BatchArguments(TrainingArguments):
    """Defaults of all trainings here: what this machine is good at, a cosine with warm-up, checkpoints by steps, and
    nothing sent anywhere.
    """

    per_device_train_batch_size: int = 1  # an item of the data set is a whole batch
    max_grad_norm: float = 1.0
    lr_scheduler_type: str = "cosine_with_min_lr"
    bf16: bool = field(default_factory=has_fast_bfloat16)
    use_cpu: bool = field(default_factory=_has_no_gpu)
    ddp_backend: str | None = field(default_factory=_backend)
    ddp_find_unused_parameters: bool | None = False
    save_strategy: str = "steps"
    logging_steps: float = 25
    disable_tqdm: bool | None = True
    report_to: str | list[str] | None = field(default_factory=list)
    remove_unused_columns: bool = False
    dataloader_pin_memory: bool = field(default_factory=torch.cuda.is_available)

    def __post_init__(self) -> None:
        if self.dataloader_num_workers and self.dataloader_prefetch_factor is None:
            self.dataloader_prefetch_factor = 4
        super().__post_init__()  # type: ignore[no-untyped-call]


class BatchTrainer(Trainer):
    """Every process takes the next item of the data set each step, which has as many items as they take together."""

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> SequentialSampler:  # noqa: ARG002
        return SequentialSampler(range(self.args.max_steps * self.args.world_size))

    def finish(self) -> None:
        """Without the wait gloo's threads let go of their last tensors only when Python ends, and abort the process."""
        self.accelerator.wait_for_everyone()
        self.end()  # type: ignore[no-untyped-call]


def only(items: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The collator of whole batches."""
    return items[0]
