from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.kinds import Precision

Engine = Literal["onnx", "tensorrt"]
Activation = Literal["auto", "sigmoid", "none"]
REPOSITORY = Path(__file__).parents[1] / "model_repository"


@dataclass(frozen=True)
class Options:
    """What a command line asks for beside role and checkpoint."""

    repository: Path = REPOSITORY
    precision: Precision = "fp32"
    engine: Engine = "onnx"
    network_size: int | None = None
    version: int | None = None
    commercial_only: bool = False
    trust_remote_code: bool = False
    revision: str | None = None
    file: str | None = None
    output: str | None = None
    activation: Activation = "auto"
    subject: int | None = None
    licence: str | None = None
    source: str | None = None
    pictures: Path | None = None
    figures: Path | None = None
    labels: Path | None = None
