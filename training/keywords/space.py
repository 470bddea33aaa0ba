"""What a search may vary, from a YAML file: `learning_rate: {low: 1e-5, high: 1e-3, log: true}`, `tuning: [lora]`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.keywords.errors import KeywordsError
from training.keywords.recipe import Recipe

if TYPE_CHECKING:
    from optuna import Trial

_FIXED = ("checkpoint", "revision", "prompts", "stages", "shots")
VARIABLE = tuple(one.name for one in fields(Recipe) if one.name not in _FIXED)
_RANGE = {"low", "high", "log"}

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Axis:
    """Values to choose from, or a range (then there are none)."""

    name: str
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def suggest(self, trial: "Trial") -> Value:
        if self.values:
            chosen: Value = trial.suggest_categorical(self.name, self.values)
            return chosen
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)


def read_space(path: Path) -> tuple[Axis, ...]:
    """Raises KeywordsError for what is no setting, or no value of one."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KeywordsError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(found, dict) or not found:
        raise KeywordsError(f"{path}: expected settings with lists or ranges, as batch: [16, 32]")
    return tuple(_axis(str(name), wanted, f"{path}: {name}") for name, wanted in found.items())


def _axis(name: str, wanted: object, place: str) -> Axis:
    if name not in VARIABLE:
        raise KeywordsError(f"{place}: cannot be varied; these can: {', '.join(VARIABLE)}")
    if isinstance(wanted, list) and wanted:
        values = tuple(_value(name, value, place) for value in wanted)
        if len(set(values)) == len(values):
            return Axis(name, values)
    if isinstance(wanted, dict) and {"low", "high"} <= {*wanted} <= _RANGE:
        low, high = (_value(name, wanted[end], place) for end in ("low", "high"))
        return _range(name, (low, high), bool(wanted.get("log")), place)
    raise KeywordsError(f"{place}: expected a list of different values, or low and high (and log)")


def _range(name: str, ends: tuple[Value, Value], log: bool, place: str) -> Axis:  # noqa: FBT001 - a field
    low, high = ends
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        raise KeywordsError(f"{place}: has no range, a list is expected")
    assert isinstance(low, int | float), "checked"  # noqa: S101
    assert isinstance(high, int | float), "checked"  # noqa: S101
    if not low < high or (log and low <= 0):
        raise KeywordsError(f"{place}: low is less than high, and above 0 where log is true")
    return Axis(name, low=low, high=high, log=log, whole=isinstance(low, int) and isinstance(high, int))


def _value(name: str, value: object, place: str) -> Value:
    """As the recipe has it: YAML takes 1e-5 for text."""
    try:
        found: Value = _converted({name: value})[name]
    except ValueError as error:
        reason = [line.strip() for line in str(error).splitlines() if line.startswith("  ")]
        raise KeywordsError(f"{place}: {value!r}: {reason[0] if reason else error}") from error
    return found


def _converted(settings: Mapping[str, object]) -> dict[str, Any]:
    from typing import get_type_hints

    from pydantic import create_model

    kinds = get_type_hints(Recipe)
    shape: Any = {name: (kinds[name], ...) for name in settings}
    return dict(create_model("Settings", **shape)(**settings).model_dump())


def varied(recipe: Recipe, settings: Mapping[str, Value]) -> Recipe:
    """The recipe with these settings. Raises KeywordsError where they do not go together."""
    told: Any = {one.name: getattr(recipe, one.name) for one in fields(Recipe)} | dict(settings)
    return Recipe(**told)
