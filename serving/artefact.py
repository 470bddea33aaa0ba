"""The files of a model: which versions Triton would serve, and whether what its config names is in them."""

import json
from pathlib import Path

from tritonclient.grpc import model_config_pb2

from serving import labels

__all__ = ["missing_artefact", "versions"]

_FILES = {
    "python": "model.py",
    "onnxruntime": "model.onnx",
    "onnxruntime_onnx": "model.onnx",
    "tensorrt": "model.plan",
    "tensorrt_plan": "model.plan",
}

Problem = tuple[str, str]


def versions(directory: Path, config: model_config_pb2.ModelConfig) -> tuple[int, ...]:
    """The version folders that the config's version policy serves (the newest one by default), ascending."""
    folders = [path.name for path in directory.iterdir() if path.is_dir() and path.name.isascii()]
    there = sorted(int(name) for name in folders if name.isdigit() and not name.startswith("0"))
    policy = config.version_policy
    if policy.HasField("all"):
        return tuple(there)
    if policy.HasField("specific"):
        return tuple(number for number in there if number in policy.specific.versions)
    return tuple(there[-(policy.latest.num_versions or 1) :])


def missing_artefact(
    directory: Path, config: model_config_pb2.ModelConfig, *, commercial_only: bool = False
) -> Problem | None:
    """Why the model cannot be served and the command that would make it, or None when its files are there."""
    name = directory.name
    if config.platform == "ensemble":
        return None if versions(directory, config) else ("its empty version folder is missing", f"mkdir {directory}/1")
    kind = config.backend or config.platform
    export = "" if kind == "python" else f"python -m export {name} --checkpoint CHECKPOINT"
    if kind not in _FILES and not config.default_model_filename:
        return f'its config names no backend that is known here ("{kind}")', f"correct {directory}/config.pbtxt"
    there = versions(directory, config)
    if not there:
        return "no version of it was made yet", export or f"write {directory}/1/model.py"
    for number in there:
        folder = directory / str(number)
        lacking = _lacking_file(folder, config, kind)
        if lacking:
            return f"version {number} has no {lacking}", _engine_cure(export, lacking) or f"write {folder / lacking}"
        if commercial_only and kind != "python" and (reason := _not_commercial(folder)):
            return f"version {number} {reason}", export
    return labels.problem(directory, config, there)


def _lacking_file(folder: Path, config: model_config_pb2.ModelConfig, kind: str) -> str:
    """One of the files per compute capability is enough here; Triton takes the one that fits its GPU."""
    named = [config.default_model_filename or _FILES[kind], *config.cc_model_filenames.values()]
    return "" if any((folder / file).exists() for file in named) else named[0]


def _engine_cure(export: str, lacking: str) -> str:
    return f"{export} --engine tensorrt" if export and lacking.endswith(".plan") else export


def _not_commercial(folder: Path) -> str:
    try:
        card = json.loads((folder / "model.json").read_text())
    except (OSError, ValueError):
        return "has no readable model.json that says whether its licence allows commercial use"
    if isinstance(card, dict) and card.get("commercial_use") is True:
        return ""
    licence = card.get("licence", "unknown") if isinstance(card, dict) else "unknown"
    return f"has a licence that does not allow commercial use ({licence})"
