"""Where every photo of a run went: a table as CSV and as Parquet beside the results, and what a person must know."""

import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gateway.cli.client import write_whole
from gateway.cli.summary import State, table

CSV, PARQUET = "manifest.csv", "manifest.parquet"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row. `confidence` is in percent; `result` is the path below the folder of results, empty where there is none;
    so are `keyword`, `route`, `reason` and `request_id` of a photo without an answer, and `error` of one with it.
    """

    photo: str
    state: State
    keyword: str = ""
    confidence: float | None = None
    route: str = ""
    reason: str = ""
    result: str = ""
    needs_review: bool = False
    error: str = ""
    request_id: str = ""


def write(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write manifest.csv and manifest.parquet, by the photos' names."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [asdict(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.photo)]
    types = {"confidence": pa.float64(), "needs_review": pa.bool_()}
    schema = pa.schema([(field.name, types.get(field.name, pa.string())) for field in fields(Outcome)])
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema), file)
    write_whole(folder / CSV, table(rows, schema.names))
    write_whole(folder / PARQUET, file.getvalue())


def tell(outcomes: Sequence[Outcome]) -> None:
    """Say on stderr what failed, where the photos went, and which of them a person should look at."""
    for outcome in outcomes:
        if outcome.state == "failed":
            print(f"failed: {outcome.photo}: {outcome.error}", file=sys.stderr)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.confidence or 0):
        if outcome.needs_review:
            print(f"look at: {outcome.photo} ({outcome.keyword}, {_percent(outcome)})", file=sys.stderr)
    routes = Counter(f"{outcome.keyword} -> {outcome.route}" for outcome in outcomes if outcome.route)
    for name, count in sorted(routes.items()):
        print(f"{count:6} {name}", file=sys.stderr)
    states = Counter(outcome.state for outcome in outcomes)
    said = [f"{states['done']} routed", f"{states['skipped']} there already", f"{states['failed']} failed"]
    if states["not_sent"]:
        said.append(f"{states['not_sent']} not sent")
    review = sum(outcome.needs_review for outcome in outcomes)
    print(", ".join([*said, f"{review} to look at"]), file=sys.stderr)


def _percent(outcome: Outcome) -> str:
    return "confidence unknown" if outcome.confidence is None else f"{outcome.confidence:.1f} %"
