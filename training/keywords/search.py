"""Hyper-parameter search: every trial is a training, judged by its macro accuracy on the validation split."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from training.dataset.shards import Shards
from training.heads.head import replace as replace_file
from training.keywords.errors import KeywordsError
from training.keywords.recipe import Recipe, Running
from training.keywords.space import Axis, Value, varied
from training.keywords.tracking import Run, Store, carried_out
from training.keywords.trials import SEARCH, Table, Trial, table

if TYPE_CHECKING:
    import optuna

Method = Literal["grid", "optuna"]
METHODS: tuple[str, ...] = get_args(Method)
_STUDY, _PARENT_RUN, _SPACE = "study.journal", "mlflow_run", "space"


@dataclass(frozen=True)
class Plan:
    """`trials` is how many Optuna makes in all; a grid makes each of its combinations once."""

    output: Path
    method: Method
    trials: int
    workers: int = 1
    seed: int = 1


def search(
    shards: Shards, recipe: Recipe, space: Sequence[Axis], plan: Plan, store: Store | None = None
) -> tuple[Table, Path]:
    """Carry out what is left of a search; trials that are done already are not repeated.

    Only the best trial keeps its weights. Returns the trials, best first, and the best one's classifier.

    Raises:
        KeywordsError: no validation pictures, a grid over a range, another search in the folder, or no trial succeeded.
    """
    if not shards.count("validation"):
        raise KeywordsError(f"{shards.folder}: no validation pictures, by which trials are compared")
    plan.output.mkdir(parents=True, exist_ok=True)
    study = _study(space, plan)
    if left := _left(study, space, plan):
        parent = _parent(store, study, recipe, plan)
        trials = _Trials(shards, recipe, tuple(space), plan, store, parent)
        carried_out(parent, lambda _: study.optimize(trials, n_trials=left, catch=(KeywordsError,)))
    found = table(plan.method, [axis.name for axis in space], [_trial(one) for one in study.trials])
    replace_file(plan.output / SEARCH, (_json(found)).encode())
    if found.best is None:
        reasons = {one.reason for one in found.rows if one.reason}
        raise KeywordsError(f"no trial succeeded: {'; '.join(sorted(reasons)) or 'none was made'}")
    return found, _folder(plan, found.best) / "model"


def _json(found: Table) -> str:
    import json

    return json.dumps(found.facts(), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class _Trials:
    """Optuna's objective."""

    shards: Shards
    recipe: Recipe
    space: tuple[Axis, ...]
    plan: Plan
    store: Store | None
    parent: Run | None

    def __call__(self, trial: "optuna.Trial") -> float:
        settings = {axis.name: axis.suggest(trial) for axis in self.space}
        trial.set_user_attr("settings", settings)
        began = time.monotonic()
        try:
            score, steps = self._trained(trial.number, settings)
        except KeywordsError as error:
            trial.set_user_attr("reason", str(error))
            raise
        finally:
            trial.set_user_attr("seconds", time.monotonic() - began)
        trial.set_user_attr("steps", steps)
        self._sweep(trial, score)
        print(f"trial {trial.number}: {score:.4f} {settings}", flush=True)
        return score

    def _trained(self, number: int, settings: dict[str, Value]) -> tuple[float, int]:
        from training.keywords.trainer import train

        recipe = varied(self.recipe, settings)
        running = Running(_folder(self.plan, number), workers=self.plan.workers, keep=1, restart=True)
        run = None if self.store is None else self.store.begin(f"trial {number}", self.parent)
        if run is not None:
            run.settings(settings)
        trained = carried_out(run, lambda callbacks: train(self.shards, recipe, running, callbacks))
        score = float(trained.macro_accuracy or 0.0)
        if run is not None:
            run.figures({"macro_accuracy": score}, trained.steps)
        return score, trained.steps

    def _sweep(self, trial: "optuna.Trial", score: float) -> None:
        for checkpoint in _folder(self.plan, trial.number).glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        others = [one for one in trial.study.trials if one.value is not None]  # this one's is told afterwards
        best = max(others, key=lambda one: (one.value or 0.0, -one.number), default=None)
        if best is not None:
            loser = trial.number if (best.value or 0.0) >= score else best.number
            shutil.rmtree(_folder(self.plan, loser) / "model", ignore_errors=True)


def _folder(plan: Plan, number: int) -> Path:
    return plan.output / f"trial-{number:03d}"


def _study(space: Sequence[Axis], plan: Plan) -> "optuna.Study":
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(plan.output / _STUDY)))
    study = optuna.create_study(study_name="keywords", storage=storage, direction="maximize", load_if_exists=True)
    told = repr((plan.method, list(space)))
    if study.user_attrs.setdefault(_SPACE, told) != told:
        raise KeywordsError(f"{plan.output}: holds a search of another space or method; take another folder")
    study.set_user_attr(_SPACE, told)
    study.sampler = _sampler(space, plan, len(study.trials))
    return study


def _sampler(space: Sequence[Axis], plan: Plan, done: int) -> "optuna.samplers.BaseSampler":
    import optuna

    if plan.method == "optuna":
        return optuna.samplers.TPESampler(seed=plan.seed + done)  # a resumed search does not begin with the same draws
    if ranges := [axis.name for axis in space if not axis.values]:
        raise KeywordsError(f"{', '.join(ranges)}: a grid takes lists; ranges are for --method optuna")
    return optuna.samplers.GridSampler({axis.name: list(axis.values) for axis in space}, seed=plan.seed)


def _left(study: "optuna.Study", space: Sequence[Axis], plan: Plan) -> int:
    """Trials to make; one that was cut short is made again."""
    import math

    wanted = plan.trials if plan.method == "optuna" else math.prod(len(axis.values) for axis in space)
    return max(0, wanted - sum(one.state.is_finished() for one in study.trials))


def _parent(store: Store | None, study: "optuna.Study", recipe: Recipe, plan: Plan) -> Run | None:
    if store is None:
        return None
    known = study.user_attrs.get(_PARENT_RUN)
    if known:
        return store.resume(str(known))
    run = store.begin(f"search by {plan.method}")
    run.settings({"checkpoint": recipe.checkpoint, "method": plan.method, "output": plan.output})
    study.set_user_attr(_PARENT_RUN, run.id)
    return run


def _trial(found: "optuna.trial.FrozenTrial") -> Trial:
    states = {"COMPLETE": "done", "FAIL": "failed"}
    facts: dict[str, Any] = found.user_attrs
    return Trial(
        number=found.number,
        settings=facts.get("settings", {}),
        state=states.get(found.state.name, "cut short"),
        score=found.value,
        steps=facts.get("steps"),
        seconds=float(facts.get("seconds", 0.0)),
        reason=str(facts.get("reason", "")),
    )
