"""One run over all collections: read, split, fit, compare, publish, report. What fails of one leaves the others be."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from training.heads.bake_off import KEPT, bake_off
from training.heads.curves import draw
from training.heads.errors import HeadsError
from training.heads.fit import Recipe, fit
from training.heads.head import Origin, write
from training.heads.publish import publish
from training.heads.report import Outcome, write_best, write_report
from training.heads.samples import Samples, parse_samples
from training.heads.source import Collection, Source
from training.heads.split import Split, split


@dataclass(frozen=True)
class Plan:
    """What a run does: `heads` is where winners are published (None: nowhere), `only` the collections to train."""

    output: Path
    heads: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    origin: Origin = field(default_factory=Origin)
    share: float = 0.2
    min_samples: int = 10
    kept: int = KEPT
    only: frozenset[int] = frozenset()


def run(source: Source, plan: Plan, base: str, now: datetime | None = None) -> list[Outcome]:
    """Train every collection that can be and write the report; `now` names the versions.

    Raises:
        HeadsError: the list of collections cannot be read, or names none of those asked for.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    collections, problems = source.collections()
    if missing := plan.only - {collection.number for collection in collections}:
        raise HeadsError(f"{base} lists no collection {', '.join(map(str, sorted(missing)))}")
    chosen = [collection for collection in collections if not plan.only or collection.number in plan.only]
    outcomes = []
    for collection in chosen:
        outcome = _one(source, collection, plan, moment)
        print(_line(outcome), flush=True)
        outcomes.append(outcome)
    write_report(outcomes, problems, base, moment, plan.output)
    write_best(outcomes, plan.output)
    return outcomes


def _one(source: Source, collection: Collection, plan: Plan, moment: datetime) -> Outcome:
    samples: Samples | None = None
    try:
        samples = parse_samples(source.training_data(collection.number), f"collection {collection.number}")
        return _trained(collection, samples, split(samples, plan.share, plan.min_samples), plan, moment)
    except HeadsError as error:
        return Outcome(collection, samples, skipped=str(error))


def _trained(collection: Collection, samples: Samples, parts: Split, plan: Plan, moment: datetime) -> Outcome:
    write(fit(collection, parts, plan.recipe, plan.origin, moment), plan.output)
    found = bake_off(plan.output, collection.number, parts.held_out, plan.origin, plan.kept)
    winner = found.winner.head
    draw(
        winner.probabilities(parts.held_out.vectors),
        parts.held_out.labels,
        winner.card.version,
        plan.output / "curves" / f"collection_{collection.number}.png",
    )
    if plan.heads is not None:
        publish(replace(winner, card=replace(winner.card, metrics=found.winner.figures)), plan.heads)
    return Outcome(collection, samples, len(parts.held_out), found, published=plan.heads is not None)


def _line(outcome: Outcome) -> str:
    name = f"{outcome.collection.number} ({outcome.collection.name})"
    if outcome.bake_off is None:
        return f"{name}: skipped: {outcome.skipped}"
    winner = outcome.bake_off.winner
    return (
        f"{name}: best of {len(outcome.bake_off.ranking)}: {winner.head.card.version}, "
        f"macro precision {winner.figures['precision_macro']:.4f}, Brier {winner.figures['brier']:.4f}"
    )
