"""The rules of a model's own `config.pbtxt`, each a function from a model to the sentences that say what is wrong.

Read through protobuf, as Triton reads it. `ensembles.py` holds the rules of what joins models up.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import Message
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

# Every field of the model configuration in release 24.10 by message, from the descriptor in tritonclient 2.51.0, which
# is of that release. The installed client is newer and parses fields at which a 24.10 server stops.
FIELDS_24_10 = Path(__file__).with_name("fields_24_10.json")
# NVIDIA's onnxruntime backend overwrites these with its defaults when they stand under the accelerator.
OVERWRITTEN_CUDA_KEYS = {
    "cudnn_conv_algo_search",
    "gpu_mem_limit",
    "arena_extend_strategy",
    "do_copy_in_default_stream",
}
NOT_FOR_ENSEMBLES = ("instance_group", "dynamic_batching", "model_warmup", "optimization", "parameters")


@dataclass(frozen=True)
class Model:
    """One model of a repository as one config name shows it; `path` is the file that was read."""

    path: Path
    folder: Path
    config: ModelConfig

    @property
    def is_ensemble(self) -> bool:
        return bool(self.config.platform == "ensemble")

    @property
    def is_default(self) -> bool:
        return self.path.name == "config.pbtxt"

    @property
    def calls(self) -> tuple[str, ...]:
        """The models that a Python step calls on its own, by its parameters."""
        names = [name for name in ("calls", "may_call") if name in self.config.parameters]
        listed = ",".join(self.config.parameters[name].string_value for name in names)
        return tuple(name.strip() for name in listed.split(",") if name.strip())


Rule = Callable[[Model], Iterable[str]]


def config_names(repositories: Sequence[Path]) -> list[str]:
    """The names that `--model-config-name` can take: "" for the default one, then every `configs/<name>.pbtxt`."""
    found = {path.stem for repository in repositories for path in repository.glob("*/configs/*.pbtxt")}
    return ["", *sorted(found)]


def read(repository: Path, config_name: str = "") -> list[Model]:
    """Every model folder; raises text_format.ParseError for a file that Triton could not parse either."""
    return [_read(folder, config_name) for folder in sorted(repository.iterdir()) if folder.is_dir()]


def _read(folder: Path, config_name: str) -> Model:
    path = folder / "configs" / f"{config_name}.pbtxt"
    if not path.is_file():
        path = folder / "config.pbtxt"
    try:
        return Model(path, folder, text_format.Parse(path.read_text(), ModelConfig()))
    except text_format.ParseError as error:
        raise text_format.ParseError(f"{path}: {error}") from error


def problems(model: Model) -> list[str]:
    """What every rule of this module has to say about `model`."""
    rules: Sequence[Rule] = (
        newer_fields,
        runtime_written,
        another_name,
        instances_uncounted,
        gpu_by_default,
        tensors_left_out,
        version_folder_missing,
        cuda_options_misplaced,
        ensemble_with_a_scheduler,
    )
    return [f"{model.path}: {problem}" for rule in rules for problem in rule(model)]


def newer_fields(model: Model) -> Iterator[str]:
    allowed: dict[str, list[str]] = json.loads(FIELDS_24_10.read_text())
    for message, field in _fields(model.config):
        if field not in allowed.get(message, ()):
            yield f"{message}.{field} is newer than release 24.10"


def _fields(message: Message) -> Iterator[tuple[str, str]]:
    """Message and name of every field that is set, all the way down."""
    for field, value in message.ListFields():
        yield message.DESCRIPTOR.full_name.removeprefix("inference."), field.name
        for child in _children(value):
            yield from _fields(child)


def _children(value: Any) -> list[Message]:  # noqa: ANN401 - protobuf's containers share no type
    values = value.values() if hasattr(value, "values") else [value] if isinstance(value, Message) else value
    return [] if isinstance(values, str | bytes | int | float) else [one for one in values if isinstance(one, Message)]


def runtime_written(model: Model) -> Iterator[str]:
    """`runtime` would force the Python backend inside NVIDIA's container."""
    if model.config.runtime:
        yield f'runtime: "{model.config.runtime}" is written'


def another_name(model: Model) -> Iterator[str]:
    if model.config.name != model.folder.name:
        yield f'name is "{model.config.name}", the folder is "{model.folder.name}"'


def instances_uncounted(model: Model) -> Iterator[str]:
    """Without a count Triton starts two instances of an ONNX model on a CPU: two processes with two copies."""
    groups = model.config.instance_group
    if not model.is_ensemble and (not groups or any(group.count < 1 for group in groups)):
        yield "instance_group has no count"


def gpu_by_default(model: Model) -> Iterator[str]:
    """KIND_GPU does not load on a machine without one; KIND_AUTO takes a GPU where there is one."""
    if model.is_default and any(group.kind == ModelInstanceGroup.KIND_GPU for group in model.config.instance_group):
        yield "KIND_GPU in a default configuration"


def tensors_left_out(model: Model) -> Iterator[str]:
    """Written out in full, so that auto-complete has nothing to decide."""
    if not (model.config.input and model.config.output):
        yield "input or output is left out"
    for tensor in [*model.config.input, *model.config.output]:
        if not (tensor.data_type and tensor.dims):
            yield f"tensor '{tensor.name}' has no data type or no dims"


def version_folder_missing(model: Model) -> Iterator[str]:
    """An exported network's folders come with its artefacts; steps and ensembles are in git with theirs."""
    versions = [path for path in model.folder.iterdir() if path.is_dir() and path.name.isdigit()]
    if model.is_ensemble and not versions:
        yield "there is no version folder"
    if model.config.backend == "python" and not any((version / "model.py").is_file() for version in versions):
        yield "there is no version folder with a model.py"


def cuda_options_misplaced(model: Model) -> Iterator[str]:
    accelerators = model.config.optimization.execution_accelerators.gpu_execution_accelerator
    given = {key for one in accelerators if one.name == "cuda" for key in one.parameters}
    for key in sorted(given & OVERWRITTEN_CUDA_KEYS):
        yield f"'{key}' under gpu_execution_accelerator is overwritten by NVIDIA's backend: write it in parameters"


def ensemble_with_a_scheduler(model: Model) -> Iterator[str]:
    """An ensemble has no instances, queue or warm-up of its own."""
    if model.is_ensemble:
        fields = Counter(field.name for field, _ in model.config.ListFields())
        yield from (f"{name} on an ensemble" for name in NOT_FOR_ENSEMBLES if name in fields)
