"""What a candidate must reach before it is served, from a file of thresholds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.keywords.errors import KeywordsError
from training.keywords.metrics import Figures

DEFAULT = Path(__file__).with_name("gate.yaml")
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfKeyword(_Strict):
    recall: Share = 0.0
    precision: Share = 0.0


class AgainstServed(_Strict):
    """How much less than the served version's a figure may be."""

    macro_accuracy: Share = 0.0
    recall: Share = 0.05


class Gate(_Strict):
    version: Literal[1]
    macro_accuracy: Share
    macro_f1: Share = 0.0
    recall: Share = 0.0
    precision: Share = 0.0
    ece: Share = 1.0
    support: Annotated[int, Field(ge=1)] = 5
    untested: Literal["name", "refuse"] = "name"
    megabytes: Annotated[float, Field(gt=0)] | None = None
    keywords: dict[str, OfKeyword] = {}
    served: AgainstServed = AgainstServed()


def read_gate(path: Path) -> Gate:
    """Raises KeywordsError with what is wrong and where."""
    import yaml

    try:
        return Gate.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KeywordsError(f"{path}: not readable as YAML ({error})") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors())
        raise KeywordsError(f"{path}: {wrong}") from error


def failures(gate: Gate, figures: Figures, size_bytes: int) -> list[str]:
    """What the candidate does not reach, in words; none where it passes."""
    return [*_overall(gate, figures, size_bytes), *_of_keywords(gate, figures)]


def _overall(gate: Gate, figures: Figures, size_bytes: int) -> Iterator[str]:
    for name in ("macro_accuracy", "macro_f1"):
        found, least = getattr(figures, name), getattr(gate, name)
        if found < least:
            yield f"{name} is {found:.4f}, at least {least:g} is needed"
    if figures.ece > gate.ece:
        yield f"ece is {figures.ece:.4f}, at most {gate.ece:g} is allowed"
    if gate.megabytes is not None and size_bytes > gate.megabytes * 1e6:
        yield f"the file has {size_bytes / 1e6:.1f} MB, at most {gate.megabytes:g} are allowed"
    if gate.untested == "refuse" and figures.untested:
        yield f"without test pictures: {', '.join(figures.untested)}"


def _of_keywords(gate: Gate, figures: Figures) -> Iterator[str]:
    known = {one.keyword: one for one in figures.keywords}
    for name in sorted({*gate.keywords} - {*known}):
        yield f"{name}: the gate asks for it, there are no test pictures of it"
    for keyword, one in known.items():
        special = gate.keywords.get(keyword)
        if special is None and one.support < gate.support:
            continue
        wanted = special or OfKeyword(recall=gate.recall, precision=gate.precision)
        for name, found, least in (
            ("recall", one.recall, max(gate.recall, wanted.recall)),
            ("precision", one.precision, max(gate.precision, wanted.precision)),
        ):
            if found < least:
                yield f"{keyword}: {name} is {found:.3f} on {one.support} pictures, at least {least:g} is needed"


def losses(gate: Gate, candidate: Figures, served: Figures) -> list[str]:
    """In what the candidate is worse than the served version, both measured on the same pictures."""
    found = []
    if candidate.macro_accuracy < served.macro_accuracy - gate.served.macro_accuracy:
        found.append(
            f"macro_accuracy is {candidate.macro_accuracy:.4f}, the served version's {served.macro_accuracy:.4f}"
            f" on the same {served.pictures} pictures"
        )
    before = {one.keyword: one for one in served.keywords}
    for one in candidate.keywords:
        other = before.get(one.keyword)
        if other and one.support >= gate.support and one.recall < other.recall - gate.served.recall:
            found.append(
                f"{one.keyword}: recall is {one.recall:.3f}, the served version's {other.recall:.3f}; "
                f"it may be {gate.served.recall:g} less"
            )
    return found
