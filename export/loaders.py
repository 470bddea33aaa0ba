"""Which loader reads which kind of checkpoint."""

from collections.abc import Callable
from types import MappingProxyType

from export import checkpoint as checkpoints
from export import hub, ready, remote, segformer
from export.checkpoint import Checkpoint
from export.errors import CheckpointError
from export.network import Network
from export.options import Options
from export.roles import Family, Role

_LOADERS: MappingProxyType[Family, Callable[[Checkpoint, Role, Options], Network]] = MappingProxyType(
    {"segformer": segformer.load, "remote": remote.load, "onnx": ready.load}
)


def open_checkpoint(role: Role, name: str, options: Options) -> Checkpoint:
    """The files behind a name, of a kind that the role takes."""
    if checkpoints.is_hub_id(name):
        snapshot = hub.download(name, options)
        revision = snapshot.revision
        found = checkpoints.open_local(str(snapshot.folder), source=name, revision=revision, file=options.file)
    else:
        found = checkpoints.open_local(name, file=options.file)
    if found.family not in role.families:
        raise CheckpointError(f"{role.name} takes {' and '.join(role.families)} checkpoints; {name} is {found.family}")
    return found


def load(checkpoint: Checkpoint, role: Role, options: Options) -> Network:
    """Raises CheckpointError, RemoteCodeError or UsageError; nothing is written."""
    return _LOADERS[checkpoint.family](checkpoint, role, options)
