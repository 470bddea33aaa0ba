"""Label files of classifiers: each version has its own; beside config.pbtxt, where Triton looks, lies one of them."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tritonclient.grpc import model_config_pb2

__all__ = ["keep", "problem"]

_CARD = "model.json"
Problem = tuple[str, str]


def keep(directory: Path, config: model_config_pb2.ModelConfig, there: Sequence[int]) -> None:
    """Put the label file of the newest version that is served beside config.pbtxt, if it is another.

    A folder that cannot be written is left as it is; `problem` then says so.
    """
    for name in _named(config):
        source, target = directory / str(there[-1]) / name, directory / name
        with suppress(OSError):
            if _content(source) != _content(target):
                aside = directory / f".{name}.{os.getpid()}"
                aside.write_bytes(source.read_bytes())
                aside.replace(target)


def problem(directory: Path, config: model_config_pb2.ModelConfig, there: Sequence[int]) -> Problem | None:
    """Why Triton would name what the served versions answer wrongly or not at all, and what to do about it."""
    for name in _named(config):
        for number in there:
            if found := _own(directory / str(number), name):
                return f"version {number} {found}", f"export it again, or rm -r {directory / str(number)}"
        newest = directory / str(there[-1]) / name
        if others := [number for number in there if _content(directory / str(number) / name) != _content(newest)]:
            numbers = ", ".join(map(str, (*others, there[-1])))
            return (
                f"versions {numbers} are served at once and have different labels; Triton knows one {name} of all",
                f"write version_policy {{ latest {{ num_versions: 1 }} }} in {directory}/config.pbtxt",
            )
        if _content(directory / name) != _content(newest):
            return f"{directory / name} is not that of version {there[-1]}", f"cp {newest} {directory / name}"
    return None


def _named(config: model_config_pb2.ModelConfig) -> list[str]:
    return sorted({output.label_filename for output in config.output if output.label_filename})


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _own(version: Path, name: str) -> str:
    """What is wrong with a version's own label file, as far as its card tells."""
    content = _content(version / name)
    if content is None:
        return f"has no {name}"
    try:
        labels = content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return f"has a {name} that is not UTF-8"
    if any(not label.strip() for label in labels):
        return f"has a {name} with an empty line"
    stated = _stated(version)
    if stated is not None and stated != labels:
        return f"has a {name} with {len(labels)} labels that are not the {len(stated)} of its {_CARD}"
    return ""


def _stated(version: Path) -> list[object] | None:
    try:
        card = json.loads((version / _CARD).read_text())
    except (OSError, ValueError):
        return None
    labels = card.get("labels") if isinstance(card, dict) else None
    return labels if isinstance(labels, list) else None
