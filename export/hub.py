"""Checkpoints from a model hub, through its own client (its environment variables name mirrors, tokens and caches)."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from export.checkpoint import CONFIG_FILE, WEIGHT_PATTERNS, ready_made
from export.errors import HubError
from export.options import Options

_FACTS = ("*.json", "README.md", "keywords/*")  # the last: a keyword classifier's head
_SECONDS = 20.0
Judge = Callable[[Path], None]


@dataclass(frozen=True)
class Snapshot:
    folder: Path
    revision: str


def download(name: str, options: Options, judge: Judge) -> Snapshot:
    """The files that an export needs, and no others: one kind of weights, and code only where it may run. `judge` sees
    a folder with nothing but config.json first, and raises where the rest is not wanted. Raises HubError with the
    reason.
    """
    try:
        info = HfApi().model_info(name, revision=options.revision, timeout=_SECONDS)
        files = [sibling.rfilename for sibling in info.siblings or []]
        patterns = _wanted(files, options)
        if CONFIG_FILE in files and not any(pattern.endswith(".onnx") for pattern in patterns):
            judge(Path(snapshot_download(name, revision=info.sha, allow_patterns=[CONFIG_FILE])))
        folder = snapshot_download(name, revision=info.sha, allow_patterns=patterns)
    except GatedRepoError as error:
        raise HubError(f"{name} is gated: accept its terms on the hub and give its client a token") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{name} has no revision {options.revision}") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"no folder {name} here, and the hub has no model of that name (or it is private)") from error
    except HFValidationError as error:
        raise HubError(f"{name} is no folder and no name that a hub could have") from error
    except (httpx2.HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError, OSError) as error:
        raise HubError(f"no folder {name} here, and the hub cannot be reached: {_reason(error)}") from error
    return Snapshot(Path(folder), info.sha or "")


def _wanted(files: list[str], options: Options) -> list[str]:
    """Patterns for the client: facts, the preferred weights at the top level, else one ready-made graph."""
    code = ["*.py"] if options.trust_remote_code else []
    top = [name for name in files if "/" not in name]
    if options.file is None:
        for pattern in WEIGHT_PATTERNS:
            if any(fnmatchcase(name, pattern) for name in top):
                return [*_FACTS, *code, *(name for name in top if fnmatchcase(name, pattern))]
    graph = ready_made([name for name in files if name.endswith(".onnx")], options.file)
    return [*_FACTS, *([graph, f"{graph}_data*", f"{graph}.data"] if graph else [])]


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
