"""What a run writes down beside its weights, so that it can be gone on with, and be told apart from others."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.dataset.shards import Shards
from training.heads.head import replace
from training.keywords.errors import KeywordsError
from training.keywords.recipe import Recipe

RECIPE = "recipe.json"
STATE = "trainer_state.json"
NOTES = "keywords/training.json"
# What may differ between a run and its resumption.
_LENGTH = ("epochs", "steps", "patience")


@dataclass(frozen=True)
class RunState:
    """How far a run had come by a checkpoint; `best` is the checkpoint of the best look, `checkpoint` where none was.

    `idle` are the looks since then.
    """

    checkpoint: Path
    best: Path
    step: int
    idle: int

    def is_over(self, steps: int, patience: int) -> bool:
        return self.step >= steps or 0 < patience <= self.idle


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run: its state is written last."""
    complete = [path for path in folder.glob("checkpoint-*") if _state(path) is not None]
    return max(complete, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)


def state_of(checkpoint: Path) -> RunState:
    """Raises KeywordsError for one that was cut short."""
    found = _state(checkpoint)
    if found is None:
        raise KeywordsError(f"{checkpoint / STATE}: not readable")
    stopper = found.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    best = found.get("best_model_checkpoint")
    return RunState(
        checkpoint,
        checkpoint.parent / Path(best).name if best else checkpoint,
        int(found["global_step"]),
        int(stopper.get("attributes", {}).get("early_stopping_patience_counter", 0)),
    )


def _state(checkpoint: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "global_step" in found else None


def write_recipe(recipe: Recipe, shards: Shards, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / RECIPE, (json.dumps(_facts(recipe, shards), indent=2, ensure_ascii=False) + "\n").encode())


def insist_on_recipe(recipe: Recipe, shards: Shards, folder: Path) -> None:
    """Raises KeywordsError where the folder's run is of another recipe or data set; only its length may differ."""
    try:
        before = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeywordsError(f"{folder / RECIPE}: not readable ({error}); --restart begins anew") from error
    now = json.loads(json.dumps(_facts(recipe, shards)))
    differing = [name for name in now if name not in _LENGTH and before.get(name) != now[name]]
    if differing:
        shown = ", ".join(f"{name} was {before.get(name)}, is {now[name]}" for name in differing)
        raise KeywordsError(f"{folder}: holds a run of another recipe ({shown}); --restart begins anew")


def _facts(recipe: Recipe, shards: Shards) -> dict[str, Any]:
    return asdict(recipe) | {"labels": list(shards.labels), "manifest": shards.content.get("manifest")}


def write_notes(folder: Path, facts: dict[str, Any]) -> None:
    """Into a stored classifier: what it was trained on, and with what success."""
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    replace(folder / NOTES, text.encode())
