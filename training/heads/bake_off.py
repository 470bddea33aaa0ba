"""All versions of a collection measured on the same newest samples: who is best, who goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.heads.errors import HeadsError
from training.heads.head import Head, Origin, read
from training.heads.metrics import RANKED_BY, measure
from training.heads.samples import Samples

KEPT = 10


@dataclass(frozen=True)
class Result:
    """A version and its figures on the hold-out; `path` is that of its card."""

    path: Path
    head: Head
    figures: dict[str, float]


@dataclass(frozen=True)
class BakeOff:
    """Results, best first; `pruned` are versions that were deleted, `left_out` those not measured, and why."""

    ranking: tuple[Result, ...]
    pruned: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def winner(self) -> Result:
        return self.ranking[0]


def bake_off(folder: Path, number: int, held_out: Samples, origin: Origin, kept: int = KEPT) -> BakeOff:
    """Rank by macro precision, of equals the newest first; delete what comes after the first `kept`.

    A version of another embedder, target or width cannot be compared on these samples: it is left out and left alone.
    """
    paths = sorted(folder.glob(f"collection_{number}_classifier_*.json"), reverse=True)
    measured = [_measured_or_not(path, number, held_out, origin) for path in paths]
    results = [one for one in measured if isinstance(one, Result)]
    left_out = [one for one in measured if isinstance(one, str)]
    # The names sort by time, and sorting is stable.
    ranking = sorted(results, key=lambda result: -result.figures[RANKED_BY])
    _prune(ranking[kept:])
    gone = tuple(result.head.card.version for result in ranking[kept:])
    return BakeOff(tuple(ranking[:kept]), gone, tuple(left_out))


def _measured_or_not(path: Path, number: int, held_out: Samples, origin: Origin) -> Result | str:
    try:
        return _measured(path, number, held_out, origin)
    except HeadsError as error:
        return str(error)


def _measured(path: Path, number: int, held_out: Samples, origin: Origin) -> Result:
    head = read(path)
    card = head.card
    if (card.collection, card.width, card.origin) != (number, held_out.width, origin):
        raise HeadsError(
            f"{path}: of collection {card.collection}, {card.width} numbers of {card.embedder} ({card.vector}, "
            f"{card.target}), which cannot be compared on {held_out.width} of {origin.embedder} ({origin.vector}, "
            f"{origin.target})"
        )
    return Result(path, head, measure(head.probabilities(held_out.vectors), held_out.labels, card.threshold))


def _prune(results: Sequence[Result]) -> None:
    """The card goes first: weights without a card are nothing, a card without weights would be a broken head."""
    for result in results:
        result.path.unlink(missing_ok=True)
        (result.path.parent / result.head.card.weights).unlink(missing_ok=True)
