"""Where weights come from: a folder, a ready-made ONNX file, or a model hub's `organisation/name`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from export.errors import CheckpointError
from export.kinds import Family

CONFIG_FILE = "config.json"
# In order of preference: safetensors cannot carry code, pickles are read with weights_only.
WEIGHT_PATTERNS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
_STATE = (".pt", ".pth")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_REMOTE_CLASS = "AutoModelForImageSegmentation"
_FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "segformer": "segformer",
        "clip": "clip",
        "clip_vision_model": "clip",
        "dinov2": "dinov2",
        "dinov3_vit": "dinov3",
        "blip": "blip",
        "vision-encoder-decoder": "vision-encoder-decoder",
        "rt_detr_v2": "detr",
        "rt_detr": "detr",
        "d_fine": "detr",
        "rf_detr": "detr",
    }
)


@dataclass(frozen=True)
class Checkpoint:
    """Files on disk. `source` is what the person typed, `revision` the commit or '' for a folder."""

    source: str
    revision: str
    folder: Path
    family: Family
    config: dict[str, Any] = field(default_factory=dict)
    graph: Path | None = None
    weights: Path | None = None


def is_hub_id(name: str) -> bool:
    return bool(_HUB_ID.fullmatch(name)) and not Path(name).exists() and not name.endswith(".onnx")


def open_local(
    name: str, *, source: str = "", revision: str = "", file: str | None = None, bare: Family | None = None
) -> Checkpoint:
    """Looks at a folder or a file and says what it is; a file of weights without a word about their network only where
    `bare` says what it is. Raises CheckpointError for what cannot be exported.
    """
    path, source = Path(name), source or name
    if bare and path.is_file() and path.suffix in _STATE:
        return Checkpoint(source, revision, path.parent, bare, weights=path)
    if path.is_file():
        if path.suffix != ".onnx":
            raise CheckpointError(f"{path} is no .onnx file; a checkpoint is a folder with config.json and weights")
        return Checkpoint(source, revision, path.parent, "onnx", graph=path)
    if not path.is_dir():
        raise CheckpointError(f"no such checkpoint: {name}")
    config = _config(path)
    if file is None and config and _weights(path):
        return Checkpoint(source, revision, path, _family(source, config), config)
    graph = ready_made(sorted(found.relative_to(path).as_posix() for found in path.rglob("*.onnx")), file)
    if graph is None:
        raise CheckpointError(f"{source}: {_missing(path, file)}")
    return Checkpoint(source, revision, path, "onnx", config, path / graph)


def ready_made(names: list[str], wanted: str | None) -> str | None:
    """Which of several ONNX files is meant: the one asked for, the usual name, or the only one."""
    if wanted is not None:
        return wanted if wanted in names else None
    for usual in ("model.onnx", "onnx/model.onnx"):
        if usual in names:
            return usual
    if len(names) > 1:
        raise CheckpointError(f"several ONNX files, choose one with --file: {', '.join(names)}")
    return names[0] if names else None


def _missing(folder: Path, file: str | None) -> str:
    if file is not None:
        return f"no file {file} in it"
    if not (folder / CONFIG_FILE).exists():
        return "no config.json and no .onnx file in it"
    return f"no weights in it ({', '.join(WEIGHT_PATTERNS)}) and no .onnx file"


def family(folder: Path, source: str) -> Family:
    """What the config.json of a folder says of the weights that belong to it."""
    return _family(source, _config(folder))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not path.exists():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return config


def _weights(folder: Path) -> bool:
    return any(any(folder.glob(pattern)) for pattern in WEIGHT_PATTERNS)


def _family(source: str, config: dict[str, Any]) -> Family:
    if found := _FAMILIES.get(str(config.get("model_type"))):
        return found
    if "_model_class" in config and "encoder_name" in config:
        return "smp"
    classes = config.get("auto_map")
    if isinstance(classes, dict) and _REMOTE_CLASS in classes:
        return "remote"
    architecture = config.get("architectures") or config.get("model_type") or "none stated"
    raise CheckpointError(
        f"{source}: unknown architecture ({architecture}); known: {', '.join(_FAMILIES)}, networks of "
        f"segmentation_models_pytorch, and {_REMOTE_CLASS} through remote code"
    )
