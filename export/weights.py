"""Weights from disk into a network. Safetensors first; pickles only with `weights_only`: code in them never runs."""

import pickle
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from export.checkpoint import WEIGHT_PATTERNS, Checkpoint
from export.errors import CheckpointError

# What a checkpoint's configuration, files or own code raise while a network is built from them or answers.
BROKEN = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, NameError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, pickle.UnpicklingError, SafetensorError, StrictDataclassError),
)


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def pretrained(
    checkpoint: Checkpoint, kind: type[torch.nn.Module], settings: dict[str, object] | None = None
) -> torch.nn.Module:
    """A network of a `transformers` class, through its `from_pretrained`, which knows older names of weights.

    `settings` overrule the configuration. Raises CheckpointError where a file is damaged or a weight is missing: a
    random one never takes its place.
    """
    loader: Any = kind
    told: dict[str, Any] = {"output_loading_info": True, "dtype": torch.float32}
    try:
        told["config"] = loader.config_class.from_pretrained(checkpoint.folder, **(settings or {}))
        if files(checkpoint.folder)[0].suffix in (".pt", ".pth"):
            network, report = loader.from_pretrained(None, state_dict=state(checkpoint), **told)
        else:
            network, report = loader.from_pretrained(checkpoint.folder, local_files_only=True, **told)
    except BROKEN as error:
        raise CheckpointError(f"{checkpoint.source}: cannot read the network: {first_line(error)}") from error
    misshapen = [name if isinstance(name, str) else name[0] for name in report["mismatched_keys"]]
    refuse_missing(checkpoint.source, sorted({*report["missing_keys"], *misshapen}))
    loaded: torch.nn.Module = network
    return loaded


def fill(network: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """Every weight of the network from the checkpoint. Raises CheckpointError when one is missing or misshapen."""
    state = {
        name: tensor for file in files(checkpoint.folder) for name, tensor in read(file, checkpoint.source).items()
    }
    put(network, state, checkpoint.source)


def put(network: torch.nn.Module, state: dict[str, torch.Tensor], source: str) -> None:
    """Every weight of the network out of `state`. Raises CheckpointError when one is missing or misshapen."""
    try:
        found = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{source}: the weights do not fit: {first_line(error)}") from error
    refuse_missing(source, found.missing_keys)


def state(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Every tensor of the checkpoint. Raises CheckpointError when a file is damaged or holds more than tensors."""
    parts = (read(file, checkpoint.source) for file in files(checkpoint.folder))
    return {name: tensor for part in parts for name, tensor in part.items()}


def files(folder: Path) -> list[Path]:
    """The usual file, else all of the preferred kind (a network may be split over several)."""
    for pattern in WEIGHT_PATTERNS:
        found = sorted(folder.glob(pattern))
        usual = [path for path in found if path.stem in ("model", "pytorch_model")]
        if found:
            return usual or found
    return []


def refuse_missing(source: str, names: list[str]) -> None:
    """A network whose weights are not all there would get random ones."""
    if names:
        raise CheckpointError(f"{source}: {len(names)} weights are missing or misshapen, as {', '.join(names[:3])}")


def read(file: Path, source: str) -> dict[str, torch.Tensor]:
    """Every tensor of one file. Raises CheckpointError when it is damaged or holds more than tensors."""
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, OSError, RuntimeError, ValueError, EOFError) as error:
        raise CheckpointError(f"{source}: cannot read {file.name}: {first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"{source}: {file.name} is not a plain dictionary of tensors")
    return state
