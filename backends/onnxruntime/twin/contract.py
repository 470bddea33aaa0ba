"""The model configuration against the network: completing it and checking it, by NVIDIA's rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twin.parameters import Config, ConfigError
from twin.tensors import TensorSpec


@dataclass(frozen=True)
class Signature:
    """Inputs, inputs with a default in the network (overridable initialisers) and outputs."""

    inputs: tuple[TensorSpec, ...]
    overridable: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def batchable(self) -> bool:
        """Whether every input and output has a symbolic first dimension."""
        return all(spec.dims[:1] == (-1,) for spec in self.inputs + self.outputs)


@dataclass(frozen=True)
class Completion:
    """What a configuration lacks. Entries are JSON objects of the model configuration, empty where none is missing."""

    max_batch_size: int
    dynamic_batching: bool
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


def needs_completion(config: Config) -> bool:
    return not (config.get("input") and config.get("output"))


def complete(config: Config, signature: Signature, default_max_batch_size: int) -> Completion:
    """Derives max_batch_size, dynamic batching and the missing tensors from the network.

    Raises ConfigError where the configuration wants batches of a network that has none.
    """
    max_batch_size = int(config.get("max_batch_size", 0))
    if signature.batchable:
        max_batch_size = max_batch_size or default_max_batch_size
    elif max_batch_size:
        raise ConfigError(
            "autofill failed: the network does not support batching while non-zero max_batch_size "
            f"{max_batch_size} is specified; not every tensor has a symbolic first dimension: {_listing(signature)}"
        )
    batching = max_batch_size > 0
    return Completion(
        max_batch_size,
        max_batch_size > 1,
        [] if config.get("input") else [_entry(spec, batching=batching) for spec in signature.inputs],
        [] if config.get("output") else [_entry(spec, batching=batching) for spec in signature.outputs],
    )


def check(config: Config, signature: Signature) -> None:
    """Raises one ConfigError that names every point in which `config` and the network disagree."""
    batching = int(config.get("max_batch_size", 0)) > 0
    problems = [
        *_count_problems(config, signature),
        *_input_problems(config, signature, batching=batching),
        *_output_problems(config, signature, batching=batching),
    ]
    if problems:
        raise ConfigError("; ".join(problems))


def configured_dims(entry: Config) -> tuple[int, ...]:
    """The shape that the network sees, without the batch: that of `reshape` where there is one, else `dims`."""
    shape = entry["reshape"].get("shape", ()) if "reshape" in entry else entry["dims"]
    return tuple(int(dim) for dim in shape)


def _entry(spec: TensorSpec, *, batching: bool) -> dict[str, Any]:
    dims = list(spec.dims[1:] if batching else spec.dims)
    entry: dict[str, Any] = {"name": spec.name, "data_type": spec.data_type, "dims": dims or [1]}
    if batching and not dims:
        entry["reshape"] = {"shape": []}
    return entry


def _count_problems(config: Config, signature: Signature) -> Iterable[str]:
    required = [entry["name"] for entry in config["input"] if not entry.get("optional")]
    if len(required) != len(signature.inputs):
        provided = ", ".join(spec.name for spec in signature.inputs)
        yield (
            f"configuration expects {len(required)} inputs ({', '.join(required)}), "
            f"the network has {len(signature.inputs)} ({provided})"
        )


def _input_problems(config: Config, signature: Signature, *, batching: bool) -> Iterable[str]:
    known = signature.inputs + signature.overridable
    for entry in config["input"]:
        if entry.get("optional") and batching:
            yield f"optional input '{entry['name']}' is not supported for models that support batching"
        if entry.get("allow_ragged_batch"):
            yield f"allow_ragged_batch of input '{entry['name']}' needs batch_input, which this backend has not"
        yield from _tensor_problems(entry, known, "input", batching=batching)


def _output_problems(config: Config, signature: Signature, *, batching: bool) -> Iterable[str]:
    for entry in config["output"]:
        yield from _tensor_problems(entry, signature.outputs, "output", batching=batching)


def _tensor_problems(entry: Config, known: Sequence[TensorSpec], kind: str, *, batching: bool) -> Iterable[str]:
    name = entry["name"]
    spec = next((spec for spec in known if spec.name == name), None)
    if spec is None:
        allowed = ", ".join(spec.name for spec in known)
        yield f"unexpected inference {kind} '{name}', allowed {kind}s are: {allowed}"
        return
    if entry["data_type"] != spec.data_type:
        yield f"configuration expects datatype {entry['data_type']} for {kind} '{name}', network has {spec.data_type}"
    yield from _dims_problems(entry, spec, exact=kind == "output", batching=batching)


def _dims_problems(entry: Config, spec: TensorSpec, *, exact: bool, batching: bool) -> Iterable[str]:
    """A fixed dimension must be written as it is; a symbolic one takes any number in an input, only -1 in an output."""
    given = configured_dims(entry)
    if batching and spec.dims[:1] != (-1,):
        yield (
            f"tensor '{spec.name}': max_batch_size is not 0, so the first dimension of the network's tensor must be "
            f"symbolic, but its shape is {list(spec.dims)}"
        )
        return
    if not spec.dims:
        if any(dim != 1 for dim in given):
            yield f"scalar tensor '{spec.name}' can only have dims of 1, configuration has {list(given)}"
        return
    full = (-1, *given) if batching else given
    same = len(full) == len(spec.dims) and all(
        have == want or (want == -1 and not exact) for have, want in zip(full, spec.dims, strict=True)
    )
    if not same:
        batch = " (with the batch dimension, since max_batch_size is not 0)" if batching else ""
        yield f"tensor '{spec.name}': network has shape {list(spec.dims)}, configuration has {list(full)}{batch}"


def _listing(signature: Signature) -> str:
    return ", ".join(f"{spec.name} {list(spec.dims)}" for spec in signature.inputs + signature.outputs)
