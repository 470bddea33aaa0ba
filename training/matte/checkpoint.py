"""What stands beside a checkpoint's weights: the size they look at, and which weights they were trained from."""

import json
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import metadata_load
from huggingface_hub.repocard import metadata_save
from transformers.utils.hub import cached_file

from training.matte.errors import MatteError

CARD = "README.md"
PROCESSOR = "preprocessor_config.json"


def stated_size(checkpoint: str, revision: str | None = None) -> int | None:
    """The side at which the network looks, None where no processor file says it.

    Raises:
        MatteError: the file is not readable, or states no square.

    """
    facts = processor_facts(checkpoint, revision)
    size = facts.get("size") if facts.get("do_resize", True) else None
    sides = set(size.values()) if isinstance(size, dict) else {size} - {None}
    if not sides:
        return None
    side = sides.pop()
    if sides or not isinstance(side, int) or side < 1:
        raise MatteError(f"{checkpoint}: its size {size} is not one square; name one with --inner-size")
    return side


def processor_facts(checkpoint: str, revision: str | None = None) -> dict[str, Any]:
    """The processor file's entries, none where there is no file."""
    path = _file(checkpoint, PROCESSOR, revision)
    if path is None:
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MatteError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(facts, dict):
        raise MatteError(f"{path}: not readable, it is no JSON object")
    return facts


def bases(checkpoint: str, revision: str | None = None) -> tuple[str, ...]:
    """The names of the weights that a checkpoint was trained from, as its card and its configuration say."""
    card = _file(checkpoint, CARD, revision)
    named = _front_matter(card).get("base_model") if card else None
    names = list(map(str, named if isinstance(named, list) else [named] if named else []))
    config = _file(checkpoint, "config.json", revision)
    parent = json.loads(config.read_text(encoding="utf-8")).get("_name_or_path") if config else None
    return tuple(dict.fromkeys([*names, *([parent] if parent else [])]))


def all_bases(checkpoint: str | None, revision: str | None, resumed: Path | None) -> tuple[str, ...]:
    """Every set of weights that has a part in a training: the start, what it came from, and what a run resumes."""
    start = (checkpoint, *bases(checkpoint, revision)) if checkpoint else ()
    return tuple(dict.fromkeys([*start, *(bases(str(resumed)) if resumed else ())]))


def note_bases(folder: Path, names: tuple[str, ...]) -> None:
    """Write into the folder's card from which weights its own were trained: their licences bind them.

    `transformers` used to note the last of them in config.json and no longer does.
    """
    card = folder / CARD
    facts = _front_matter(card) if card.exists() else {}
    metadata_save(card, facts | {"base_model": list(names)})


def _front_matter(card: Path) -> dict[str, Any]:
    try:
        return metadata_load(card) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise MatteError(f"{card}: its front matter is not readable ({error})") from error


def _file(checkpoint: str, name: str, revision: str | None) -> Path | None:
    """A file of a folder, or of a hub's checkpoint; None where it has none of this name."""
    try:
        found = cached_file(checkpoint, name, revision=revision, _raise_exceptions_for_missing_entries=False)
    except OSError:  # the hub cannot be reached: what was loaded from its cache had no such file
        return None
    return Path(found) if found else None
