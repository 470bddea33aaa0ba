"""Runs in MLflow: their settings, their figures step by step, their files."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.keywords.errors import KeywordsError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "keywords"
_SQLITE = "sqlite:///"
_PARENT = "mlflow.parentRunId"
_LONGEST = 500  # characters of a setting that every store takes


class Store:
    """An MLflow tracking store: `sqlite:///runs/mlflow.db`, another database, or a server's http(s) address."""

    def __init__(self, uri: str, experiment: str = EXPERIMENT) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        if "://" not in uri or uri.startswith("file:"):
            raise KeywordsError(
                f"--mlflow {uri}: MLflow keeps no runs in folders any more; {_SQLITE}runs/mlflow.db does"
            )
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise KeywordsError(f"--mlflow: mlflow-skinny is not installed ({error})") from error
        with _told_of(uri):
            self._client = MlflowClient(uri)
            found = self._client.get_experiment_by_name(experiment)
            self._experiment = found.experiment_id if found else self._created(uri, experiment)
        self.uri = uri

    def _created(self, uri: str, experiment: str) -> str:
        """Files lie beside a local database; a server has its own place for them."""
        beside = None
        if uri.startswith(_SQLITE):
            beside = (Path(uri.removeprefix(_SQLITE)).parent / "mlflow-files").resolve().as_uri()
        return str(self._client.create_experiment(experiment, artifact_location=beside))

    def begin(self, name: str, parent: "Run | None" = None) -> "Run":
        with _told_of(self.uri):
            tags = {_PARENT: parent.id} if parent else {}
            return Run(self._client, self._client.create_run(self._experiment, run_name=name, tags=tags).info.run_id)

    def resume(self, run_id: str) -> "Run":
        with _told_of(self.uri):
            self._client.update_run(run_id, status="RUNNING")
            return Run(self._client, run_id)


class Run:
    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self._client, self.id = client, run_id

    def settings(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        known = self._client.get_run(self.id).data.params
        fresh = [Param(name, str(value)[:_LONGEST]) for name, value in values.items() if name not in known]
        self._client.log_batch(self.id, params=fresh)

    def figures(self, values: Mapping[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        self._client.log_batch(self.id, metrics=[Metric(name, value, now, step) for name, value in values.items()])

    def file(self, path: Path) -> None:
        self._client.log_artifact(self.id, str(path))

    def end(self, status: str) -> None:
        self._client.set_terminated(self.id, status=status)


class Tracked(TrainerCallback):
    """Hands the trainer's log to a run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **told: Any,  # noqa: ANN401
    ) -> None:
        if state.is_world_process_zero:
            logs = told.get("logs") or {}
            numbers = {name: float(value) for name, value in logs.items() if isinstance(value, int | float)}
            self._run.figures(numbers, state.global_step)


Outcome = TypeVar("Outcome")


def carried_out(run: Run | None, work: Callable[[Sequence[TrainerCallback]], Outcome]) -> Outcome:
    """Do the work with the run as its witness: FINISHED, FAILED by an error, or KILLED."""
    if run is None:
        return work(())
    try:
        found = work((Tracked(run),))
    except Exception:
        run.end("FAILED")
        raise
    except BaseException:
        run.end("KILLED")
        raise
    run.end("FINISHED")
    return found


def open_store(uri: str | None, experiment: str = EXPERIMENT) -> Store | None:
    """None without an address, and in every process but the first."""
    if uri is None or os.environ.get("RANK", "0") != "0":
        return None
    if uri.startswith(_SQLITE):
        Path(uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    return Store(uri, experiment)


@contextmanager
def _told_of(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise KeywordsError(f"--mlflow {uri}: {str(error).splitlines()[0]}") from error
