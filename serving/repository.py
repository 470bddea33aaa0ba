"""Which models of the repositories can be served, and for the others why not, read from their `config.pbtxt`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from serving import labels
from serving.artefact import missing_artefact, versions
from serving.errors import CONTAINER, RepositoryError
from serving.pipeline import is_pipeline

__all__ = ["Model", "Refusal", "Survey", "survey"]

_CALLS = "calls"
_NO_GPU = "KIND_GPU but no GPU"


@dataclass(frozen=True)
class Refusal:
    """A model that is not served, the reason, and the command that would change it (empty when there is none)."""

    name: str
    reason: str
    cure: str = ""


@dataclass(frozen=True)
class Model:
    """A model that can be served; `steps` are the models it cannot do without: an ensemble's, in order, and those that
    a Python step names in its parameter `calls`, separated by commas.
    """

    name: str
    directory: Path
    config: model_config_pb2.ModelConfig
    versions: tuple[int, ...]

    @property
    def is_ensemble(self) -> bool:
        return bool(self.config.platform == "ensemble")

    @property
    def is_pipeline(self) -> bool:
        return is_pipeline(self.config)

    @property
    def steps(self) -> tuple[str, ...]:
        called = self.config.parameters[_CALLS].string_value if _CALLS in self.config.parameters else ""
        scheduled = (step.model_name for step in self.config.ensemble_scheduling.step)
        return (*scheduled, *(name.strip() for name in called.split(",") if name.strip()))


@dataclass(frozen=True)
class Survey:
    """The computed set: what to load, and what not; `failed` are the refused ones that the server could not load."""

    served: Mapping[str, Model]
    refused: tuple[Refusal, ...]
    failed: Mapping[str, Model] = field(default_factory=dict)

    @property
    def pipelines(self) -> tuple[str, ...]:
        return tuple(name for name, model in self.served.items() if model.is_pipeline)

    def without(self, failed: Mapping[str, str]) -> "Survey":
        """The same after some models failed to load (name -> reason): what depends on them goes too."""
        refused = {name: Refusal(name, reason, _cure(self.served[name], reason)) for name, reason in failed.items()}
        served = {name: model for name, model in self.served.items() if name not in failed}
        served = _complete(served, refused)
        return Survey(served, (*self.refused, *refused.values()), {name: self.served[name] for name in failed})


@dataclass
class _Reader:
    config_name: str
    commercial_only: bool
    backends: frozenset[str] | None
    keep_labels: bool = False
    served: dict[str, Model] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)

    def take(self, directory: Path) -> None:
        verdict = self._judge(directory)
        name = directory.name
        if name in self.served or name in self.refused:
            self.served.pop(name, None)
            reason = f"the name is in two repositories, {directory} is the second: Triton serves neither"
            self.refused[name] = Refusal(name, reason, f"mv {directory} {directory.parent}/.{name}")
        elif isinstance(verdict, Refusal):
            self.refused[name] = verdict
        else:
            self.served[name] = verdict

    def _judge(self, directory: Path) -> Model | Refusal:
        name = directory.name
        path = directory / "configs" / f"{self.config_name}.pbtxt"
        path = path if self.config_name and path.is_file() else directory / "config.pbtxt"
        try:
            config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
        except FileNotFoundError:
            return Refusal(name, f"{path} is missing", f"write {path}")
        except (text_format.ParseError, UnicodeDecodeError) as error:
            return Refusal(name, f"{path} does not parse: {error}", f"correct {path}")
        if config.name not in ("", name):
            reason = f'{path} says name: "{config.name}", its folder says {name}'
            return Refusal(name, reason, f'write name: "{name}" in {path}')
        if self.backends is not None and config.backend and config.backend not in self.backends:
            return Refusal(name, f'this server has no backend "{config.backend}"', CONTAINER)
        there = versions(directory, config)
        if self.keep_labels and there:
            labels.keep(directory, config, there)
        problem = missing_artefact(directory, config, commercial_only=self.commercial_only)
        return Refusal(name, *problem) if problem else Model(name, directory, config, there)


def survey(
    repositories: Sequence[Path],
    config_name: str = "",
    *,
    commercial_only: bool = False,
    backends: frozenset[str] | None = None,
    keep_labels: bool = False,
) -> Survey:
    """Look at every model of the repositories; `backends` are the server's own, None when it may have any. Nothing is
    written, but for the label files beside config.pbtxt where `keep_labels` asks for those of the newest versions.

    Raises:
        RepositoryError: a repository is no folder, no model has such a config, or nothing in them can be served.
    """
    reader = _Reader(config_name, commercial_only, backends, keep_labels)
    for repository in repositories:
        if not repository.is_dir():
            raise RepositoryError(f"model repository {repository} is no folder", "SERVING_MODEL_REPOSITORIES=DIR,DIR")
        for directory in sorted(repository.iterdir()):
            if directory.is_dir() and not directory.name.startswith((".", "_")):
                reader.take(directory)
    if config_name:
        _require_config(repositories, config_name)
    served = _complete(reader.served, reader.refused)
    refused = tuple(reader.refused.values())
    if not served:
        listing = "".join(f"\n    {one.name}: {one.reason}" for one in refused) or " they are empty"
        cure = next((one.cure for one in refused if one.cure), "SERVING_MODEL_REPOSITORIES=DIR,DIR")
        raise RepositoryError(f"no model of {', '.join(map(str, repositories))} can be served:{listing}", cure)
    return Survey(served, refused)


def _require_config(repositories: Sequence[Path], name: str) -> None:
    """Triton takes config.pbtxt in silence where there is no file of that name, for a misspelt one everywhere."""
    there = sorted({path.stem for repository in repositories for path in repository.glob("[!._]*/configs/*.pbtxt")})
    if name not in there:
        listing = f"there are {', '.join(there)}" if there else "none has any"
        cure = " or ".join([*(f"SERVING_MODEL_CONFIG_NAME={one}" for one in there), "unset SERVING_MODEL_CONFIG_NAME"])
        raise RepositoryError(f"no model has a configs/{name}.pbtxt, {listing}", cure)


def _cure(model: Model, reason: str) -> str:
    """For the failures that Triton words well, but leaves there."""
    if _NO_GPU not in reason:
        return ""
    if (model.directory / "configs" / "cpu.pbtxt").is_file():
        return "SERVING_MODEL_CONFIG_NAME=cpu"
    return f"write kind: KIND_AUTO in {model.directory}/config.pbtxt"


def _complete(served: Mapping[str, Model], refused: dict[str, Refusal]) -> dict[str, Model]:
    """Those of `served` all of whose steps are served, down to the last; the others go to `refused`."""
    kept = dict(served)
    while lacking := {name: step for name, model in kept.items() if (step := _lack(model, kept))}:
        for name, step in lacking.items():
            reason = refused[step].reason if step in refused else "there is no such model"
            refused[name] = Refusal(name, f"needs {step}: {reason}")
            del kept[name]
    return kept


def _lack(model: Model, served: Iterable[str]) -> str:
    return next((step for step in model.steps if step not in served or step == model.name), "")
