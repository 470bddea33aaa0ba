"""Which loader reads which kind of checkpoint; each brings its library only when it is needed."""

from export import checkpoint as checkpoints
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, RemoteCodeError
from export.network import Network
from export.options import Options
from export.roles import Role


def open_checkpoint(role: Role, name: str, options: Options) -> Checkpoint:
    """The files behind a name, of a kind that the role takes. Raises RemoteCodeError, before anything of a
    checkpoint's own code is read, unless the options trust it.
    """
    found = _from_hub(name, options) if checkpoints.is_hub_id(name) else checkpoints.open_local(name, file=options.file)
    if found.family not in role.families:
        raise CheckpointError(f"{role.name} takes {' and '.join(role.families)} checkpoints; {name} is {found.family}")
    if found.family == "remote" and not options.trust_remote_code:
        raise RemoteCodeError(f"{name} brings its own Python code; read it, then allow it with --trust-remote-code")
    return found


def load(checkpoint: Checkpoint, role: Role, options: Options) -> Network:
    """Raises CheckpointError or UsageError; nothing is written."""
    if checkpoint.family == "onnx":
        from export import ready

        return ready.load(checkpoint, role, options)
    if checkpoint.family == "remote":
        from export import remote

        return remote.load(checkpoint, role, options)
    from export import segformer

    return segformer.load(checkpoint, role, options)


def _from_hub(name: str, options: Options) -> Checkpoint:
    from export import hub

    snapshot = hub.download(name, options)
    return checkpoints.open_local(str(snapshot.folder), source=name, revision=snapshot.revision, file=options.file)
