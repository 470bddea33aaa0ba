"""Stratified, group-aware splits: every keyword in every split by the shares, no group in two of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.dataset import units
from training.dataset.errors import DatasetError
from training.dataset.rows import SPLITS
from training.dataset.tables import BATCH, Tables

if TYPE_CHECKING:
    import pyarrow as pa

Counts: TypeAlias = NDArray[np.float64]
SHARES = (0.8, 0.1, 0.1)


@dataclass(frozen=True)
class Wish:
    """Shares of train, validation and test; `resplit` forgets the splits that are there already."""

    shares: tuple[float, ...] = SHARES
    seed: int = 1
    resplit: bool = False


def parse_shares(text: str) -> tuple[float, ...]:
    """`80,10,10` -> shares of 1. Raises DatasetError."""
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if len(values) != len(SPLITS) or not np.isfinite(values).all() or values.min() < 0 or values.sum() <= 0:
        raise DatasetError(f"--shares {text}: three numbers from 0 for {', '.join(SPLITS)}, such as 80,10,10")
    return tuple(float(value) for value in values / values.sum())


def assign(tables: Tables, wish: Wish) -> None:
    """Give every row of `rows` with a keyword and without a split one, by its name, group, keyword and the seed alone.

    Pictures of one group go together, into the split that some of them are in already, if any. Table `together`
    (image, cluster), where it exists, joins pictures besides. Units of the rarest keywords go first, each where its
    keywords are wanted most. A keyword of as many units as there are splits is in all of them, although it may cost the
    shares, unless its last units bring keywords that other splits lack.
    """
    if wish.resplit:
        tables.run("update rows set split = null")
    units.make(tables)
    order = _labels(tables)
    numbers = _numbers(tables, order)
    wished, there = _wished(*numbers, wish.shares), _there(tables, order)
    required = (np.array(wish.shares) > 0)[:, None] & (numbers[1] >= np.count_nonzero(wish.shares))
    places = _Places(order, wished, wished - there, required & (there == 0), _unplaced(tables, order))
    tables.run("create or replace table assigned (unit varchar, split varchar)")
    for batch in _units(tables, wish.seed):
        tables.append("assigned", places.taken(batch))
    tables.run(
        """create or replace table rows as select image, keyword, "group",
        case when keyword is null then rows.split else coalesce(rows.split, assigned.split) end as split
        from rows join units using (image) left join assigned using (unit)"""
    )


def _labels(tables: Tables) -> dict[str, int]:
    found = tables.rows("select distinct keyword from rows where keyword is not null order by 1")
    return {str(keyword): position for position, (keyword,) in enumerate(found)}


def _numbers(tables: Tables, order: Mapping[str, int]) -> tuple[Counts, Counts]:
    """Pictures and units of every keyword, [keywords] each."""
    totals, counts = np.zeros(len(order)), np.zeros(len(order))
    for keyword, pictures, count in tables.rows(
        "select keyword, count(*), count(distinct unit) from rows join units using (image) "
        "where keyword is not null group by keyword"
    ):
        totals[order[keyword]], counts[order[keyword]] = pictures, count
    return totals, counts


def _unplaced(tables: Tables, order: Mapping[str, int]) -> Counts:
    """Units [keywords] with pictures that no split has yet."""
    left = np.zeros(len(order))
    for keyword, count in tables.rows(
        "select keyword, count(distinct unit) from rows join units using (image) "
        "where keyword is not null and split is null group by keyword"
    ):
        left[order[keyword]] = count
    return left


def _wished(totals: Counts, counts: Counts, shares: tuple[float, ...]) -> Counts:
    """Pictures [splits, keywords] that each split should have."""
    wished: Counts = np.outer(np.array(shares), totals).astype(np.float64)
    # A rare keyword is in each split at least once, as long as it has that many units.
    used = np.array(shares) > 0
    rare = used[1:, None] & (counts >= used.sum())
    wished[1:] = np.where(rare, np.maximum(wished[1:], 1), wished[1:])
    least = np.minimum(totals, 1) if shares[0] else 0.0
    wished[0] = np.maximum(totals - wished[1:].sum(axis=0), least)
    return wished


def _there(tables: Tables, order: Mapping[str, int]) -> Counts:
    """Pictures [splits, keywords] that are in a split already."""
    there = np.zeros((len(SPLITS), len(order)))
    for keyword, split, pictures in tables.rows(
        "select keyword, split, count(*) from rows where keyword is not null and split is not null group by all"
    ):
        there[SPLITS.index(split), order[keyword]] = pictures
    return there


def _units(tables: Tables, seed: int) -> Iterator["pa.RecordBatch"]:
    """Units to be placed: name, keywords, numbers, split. Those of the rarest keywords go first (Sechidis et al. 2011),
    then the largest, those of one size as the seed has it.
    """
    return tables.batches(
        f"""select unit, list(keyword order by keyword) as keywords, list(pictures order by keyword) as pictures,
            min(split) as split from
            (select unit, keyword, pictures, split, count(*) over (partition by keyword) as units from
             (select unit, keyword, count(*) filter (split is null) as pictures, min(split) as split
              from rows join units using (image) where keyword is not null group by unit, keyword))
            group by unit having sum(pictures) > 0
            order by min(units), sum(pictures) desc, md5('{int(seed)}:' || unit), unit""",
        BATCH,
    )


@dataclass(frozen=True)
class _Places:
    """What each split should have, [splits, keywords] each, brought up to date with every unit that is placed: `wanted`
    pictures are still to come, `lacking` are keywords that it has to have and has not yet. `left` [keywords] are units
    to come.
    """

    order: Mapping[str, int]
    wished: Counts
    wanted: Counts
    lacking: NDArray[np.bool_]
    left: Counts

    def taken(self, batch: "pa.RecordBatch") -> "pa.Table":
        """Where each unit goes."""
        import pyarrow as pa

        splits = []
        for unit in batch.to_pylist():
            pictures = np.array(unit["pictures"], np.float64)
            chosen = np.array([self.order[keyword] for keyword in unit["keywords"]])[pictures > 0]
            pictures = pictures[pictures > 0]
            given = unit["split"]
            place = self._best(chosen, pictures) if given is None else SPLITS.index(given)
            self.wanted[place, chosen] -= pictures
            self.lacking[place, chosen] = False
            self.left[chosen] -= 1
            splits.append(SPLITS[place])
        return pa.table({"unit": batch.column("unit"), "split": pa.array(splits, pa.string())})

    def _best(self, chosen: NDArray[np.int64], pictures: Counts) -> int:
        """The split that would not get a keyword otherwise; then the one that lacks most of what the unit brings; of
        equals the one that has the least of what it should have.
        """
        lacking, wanted = self.lacking[:, chosen], self.wanted[:, chosen]
        last = lacking & (self.left[chosen] <= lacking.sum(axis=0))
        gain = (np.minimum(wanted, pictures) - np.maximum(pictures - wanted, 0)).sum(axis=1)
        missing = wanted.sum(axis=1) / np.maximum(self.wished[:, chosen].sum(axis=1), 1e-9)
        return int(np.lexsort((-missing.round(9), -gain.round(9), -last.sum(axis=1)))[0])
