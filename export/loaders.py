"""Which loader reads which kind of checkpoint."""

from export import checkpoint as checkpoints
from export import segformer
from export.checkpoint import Checkpoint
from export.errors import CheckpointError
from export.network import Network
from export.options import Options
from export.roles import Role


def open_checkpoint(role: Role, name: str, options: Options) -> Checkpoint:
    """The files behind a name, of a kind that the role takes."""
    found = checkpoints.open_local(name, file=options.file)
    if found.family not in role.families:
        raise CheckpointError(f"{role.name} takes {' and '.join(role.families)} checkpoints; {name} is {found.family}")
    return found


def load(checkpoint: Checkpoint, role: Role, options: Options) -> Network:
    return segformer.load(checkpoint, role, options.network_size)
