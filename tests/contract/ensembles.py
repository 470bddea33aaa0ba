"""The rules of what joins models up: each a function from an ensemble and all models to what is wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelEnsembling, ModelInput, ModelOutput

from tests.contract.repository import Model

Models = Mapping[str, Model]
Rule = Callable[[Model, Models], Iterable[str]]
Tensor: TypeAlias = ModelInput | ModelOutput
Step: TypeAlias = ModelEnsembling.Step


def names_taken_twice(repositories: Sequence[Sequence[Model]]) -> list[str]:
    """Triton serves neither of two models of one name."""
    count = Counter(model.folder.name for models in repositories for model in models)
    return [f"model '{name}' is in {times} repositories" for name, times in sorted(count.items()) if times > 1]


def problems(models: Models) -> list[str]:
    """What every rule of this module has to say about the ensembles among `models`."""
    rules: Sequence[Rule] = (
        unknown_models,
        versions_unwritten,
        batches_too_large,
        inputs_unmapped,
        names_unknown,
        tensors_produced_twice,
        tensors_never_produced,
        tensors_unused,
        tensors_that_disagree,
    )
    ensembles = [model for model in models.values() if model.is_ensemble]
    return [f"{model.path}: {problem}" for model in ensembles for rule in rules for problem in rule(model, models)]


def unknown_models(ensemble: Model, models: Models) -> Iterator[str]:
    for step in ensemble.config.ensemble_scheduling.step:
        if step.model_name not in models:
            yield f"step '{step.model_name}' is no model"


def unknown_calls(models: Models) -> list[str]:
    """What the Python steps' parameter `calls` names must be there, and no ring: a call to itself waits for ever."""
    found = []
    for model in models.values():
        found += [f"{model.path}: calls '{name}', which is no model" for name in model.calls if name not in models]
        found += [f"{model.path}: calls itself"] if model.folder.name in _reached(model, models) else []
    return found


def _reached(model: Model, models: Models) -> set[str]:
    """Every model that one comes to by its calls."""
    found: set[str] = set()
    waiting = list(model.calls)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += models[name].calls if name in models else ()
    return found


def versions_unwritten(ensemble: Model, _: Models) -> Iterator[str]:
    """Left out, it is 0, and Triton looks for a version of that number."""
    for step in ensemble.config.ensemble_scheduling.step:
        if step.model_version != -1:
            yield f"step '{step.model_name}' has no model_version: -1"


def batches_too_large(ensemble: Model, models: Models) -> Iterator[str]:
    for step, config in _steps(ensemble, models):
        if ensemble.config.max_batch_size > config.max_batch_size:
            yield (
                f"max_batch_size {ensemble.config.max_batch_size} is more than "
                f"the {config.max_batch_size} of step '{step.model_name}'"
            )


def inputs_unmapped(ensemble: Model, models: Models) -> Iterator[str]:
    for step, config in _steps(ensemble, models):
        for tensor in config.input:
            if tensor.name not in step.input_map and not tensor.optional:
                yield f"input '{tensor.name}' of step '{step.model_name}' is not mapped"


def names_unknown(ensemble: Model, models: Models) -> Iterator[str]:
    for step, config in _steps(ensemble, models):
        for names, tensors, kind in (
            (step.input_map, config.input, "input"),
            (step.output_map, config.output, "output"),
        ):
            for name in sorted(set(names) - {tensor.name for tensor in tensors}):
                yield f"step '{step.model_name}' has no {kind} '{name}'"


def tensors_produced_twice(ensemble: Model, _: Models) -> Iterator[str]:
    produced = [tensor.name for tensor in ensemble.config.input]
    produced += [name for step in ensemble.config.ensemble_scheduling.step for name in step.output_map.values()]
    yield from (f"tensor '{name}' has {times} sources" for name, times in Counter(produced).items() if times > 1)


def tensors_never_produced(ensemble: Model, _: Models) -> Iterator[str]:
    """Also finds steps that wait for each other: no step can run until all of its inputs are there."""
    there = {tensor.name for tensor in ensemble.config.input}
    waiting = list(ensemble.config.ensemble_scheduling.step)
    while runnable := [step for step in waiting if there.issuperset(step.input_map.values())]:
        waiting = [step for step in waiting if step not in runnable]
        there.update(name for step in runnable for name in step.output_map.values())
    for step in waiting:
        missing = ", ".join(sorted(set(step.input_map.values()) - there))
        yield f"step '{step.model_name}' never runs: nothing produces {missing}"
    for tensor in ensemble.config.output:
        if tensor.name not in there:
            yield f"nothing produces output '{tensor.name}'"


def tensors_unused(ensemble: Model, _: Models) -> Iterator[str]:
    """A mapped output is computed whether anybody takes it or not."""
    steps = ensemble.config.ensemble_scheduling.step
    used = {name for step in steps for name in step.input_map.values()}
    used |= {tensor.name for tensor in ensemble.config.output}
    produced = [tensor.name for tensor in ensemble.config.input]
    produced += [name for step in steps for name in step.output_map.values()]
    yield from (f"nobody uses tensor '{name}'" for name in produced if name not in used)


def tensors_that_disagree(ensemble: Model, models: Models) -> Iterator[str]:
    """Every place that a tensor of the ensemble comes from or goes to has its data type and a shape that fits."""
    first: dict[str, tuple[str, Tensor]] = {}
    for name, place, tensor in _places(ensemble, models):
        there, known = first.setdefault(name, (place, tensor))
        if tensor.data_type != known.data_type:
            yield f"tensor '{name}' is {_type(known)} as {there}, {_type(tensor)} as {place}"
        if not _fit(known.dims, tensor.dims):
            yield f"tensor '{name}' is {list(known.dims)} as {there}, {list(tensor.dims)} as {place}"


def _places(ensemble: Model, models: Models) -> Iterator[tuple[str, str, Tensor]]:
    for tensor in [*ensemble.config.input, *ensemble.config.output]:
        yield tensor.name, "of the ensemble", tensor
    for step, config in _steps(ensemble, models):
        for mapping, tensors in ((step.output_map, config.output), (step.input_map, config.input)):
            for tensor in tensors:
                if tensor.name in mapping:
                    yield mapping[tensor.name], f"'{tensor.name}' of step '{step.model_name}'", tensor


def _steps(ensemble: Model, models: Models) -> list[tuple[Step, ModelConfig]]:
    steps = ensemble.config.ensemble_scheduling.step
    return [(step, models[step.model_name].config) for step in steps if step.model_name in models]


def _type(tensor: Tensor) -> str:
    return str(DataType.Name(tensor.data_type))


def _fit(one: Sequence[int], other: Sequence[int]) -> bool:
    return len(one) == len(other) and all(a == b or -1 in (a, b) for a, b in zip(one, other, strict=True))
