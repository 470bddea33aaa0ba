"""What became of every photo, for people on stderr and for programs beside the results."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from gateway.cli.client import write_whole

State = Literal["done", "skipped", "failed", "not_sent"]
JSON, CSV = "summary.json", "summary.csv"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` is the path below the folder of results, empty where there is none; so is `error`."""

    photo: str
    state: State
    result: str = ""
    uncertainty: float | None = None
    needs_review: bool = False
    error: str = ""
    request_id: str = ""


def write(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write summary.json and summary.csv, by the photos' names."""
    rows = [asdict(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.photo)]
    found = {"counts": counts(outcomes), "photos": rows}
    write_whole(folder / CSV, table(rows, [field.name for field in fields(Outcome)]))
    write_whole(folder / JSON, json.dumps(found, indent=1, ensure_ascii=False).encode())


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    states = [outcome.state for outcome in outcomes]
    review = sum(outcome.needs_review for outcome in outcomes)
    return {state: states.count(state) for state in ("done", "skipped", "failed", "not_sent")} | {
        "needs_review": review
    }


def tell(outcomes: Sequence[Outcome]) -> None:
    """Say on stderr what failed and what a person should look at, most uncertain first; the rest is a number."""
    for outcome in outcomes:
        if outcome.state == "failed":
            print(f"failed: {outcome.photo}: {outcome.error}", file=sys.stderr)
    unsure = [outcome for outcome in outcomes if outcome.needs_review]
    for outcome in sorted(unsure, key=lambda outcome: -(outcome.uncertainty or 0)):
        print(f"look at: {outcome.result} (uncertainty {outcome.uncertainty})", file=sys.stderr)
    found = counts(outcomes)
    said = [f"{found['done']} processed", f"{found['skipped']} there already", f"{found['failed']} failed"]
    if found["not_sent"]:
        said.append(f"{found['not_sent']} not sent")
    print(", ".join([*said, f"{found['needs_review']} to look at"]), file=sys.stderr)
