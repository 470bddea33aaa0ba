"""The launcher's settings: one typed object, read from `SERVING_*` variables and checked at start."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, PositiveFloat, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serving.errors import SettingsError

__all__ = ["ROOT", "GatewaySettings", "ServingSettings", "read", "unknown_variables"]

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder: model repositories, backends and the server's environment lie in it."""

Port = Annotated[int, Field(ge=1, le=65535)]


class ServingSettings(BaseSettings):
    """Each field is the variable `SERVING_<NAME>`; units stand in the names, lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="SERVING_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", title="Host", description="Address that Triton's three ports listen on")
    http_port: Port = Field(8000, title="HTTP port", description="Triton's HTTP endpoint")
    grpc_port: Port = Field(8001, title="gRPC port", description="Triton's gRPC endpoint")
    metrics_port: Port = Field(8002, title="Metrics port", description="Triton's Prometheus metrics")

    triton: Literal["auto", "wheel", "path", "external"] = Field(
        "auto",
        title="Which server",
        description="wheel: installed into environment_dir; path: tritonserver on PATH; external: external_url; "
        "auto: the first of external, path, wheel that is there",
    )
    external_url: str = Field("", title="External server", description="gRPC host:port of a server run elsewhere")
    environment_dir: Path = Field(
        ROOT / ".triton", title="Server's environment", description="Folder of the wheel's server and its Python"
    )
    python: str = Field(
        "", title="Server's Python", description="Interpreter 3.10 to 3.12 for environment_dir; found when empty"
    )

    model_repositories: Annotated[tuple[Path, ...], NoDecode] = Field(
        (ROOT / "model_repository", ROOT / "ensembles"),
        title="Model repositories",
        description="Folders of models, separated by commas",
        min_length=1,
    )
    model_config_name: str = Field(
        "",
        title="Config name",
        description="cpu, cuda or tensorrt: takes configs/<name>.pbtxt of a model that has one",
        pattern=r"^[A-Za-z0-9_.-]*$",
    )
    commercial_only: bool = Field(
        default=False,
        title="Commercial use only",
        description="Refuses networks whose model.json does not say commercial_use: true",
    )
    auto_complete_config: bool = Field(
        default=False, title="Auto-complete", description="Lets Triton fill in what a config.pbtxt leaves out"
    )
    largest_picture_megapixels: PositiveFloat = Field(
        12.0, title="Largest usual picture", description="Size of picture that /dev/shm must have room for"
    )
    extra_arguments: Annotated[tuple[str, ...], NoDecode] = Field(
        (), title="Extra arguments", description="More flags for tritonserver, separated and quoted as in a shell"
    )

    canary_interval_seconds: PositiveFloat = Field(
        5.0, title="Canary interval", description="Time between two looks at every pipeline"
    )
    canary_timeout_seconds: PositiveFloat = Field(
        30.0, title="Canary timeout", description="Longest time a canary inference may take"
    )
    backoff_min_seconds: PositiveFloat = Field(
        0.1, title="Shortest back-off", description="Wait before the first restart"
    )
    backoff_max_seconds: PositiveFloat = Field(
        30.0, title="Longest back-off", description="Each restart doubles the wait up to this"
    )
    healthy_seconds: PositiveFloat = Field(
        60.0, title="Healthy while", description="A server that was well for so long starts the back-off anew"
    )
    load_timeout_seconds: PositiveFloat = Field(
        300.0, title="Load timeout", description="Longest time from start until all models are loaded"
    )
    exit_timeout_seconds: PositiveFloat = Field(
        10.0, title="Exit timeout", description="Time that Triton's running requests get at shutdown before a kill"
    )

    restricted_apis: Annotated[tuple[str, ...], NoDecode] = Field(
        ("model-repository", "shared-memory", "trace", "logging"),
        title="Restricted APIs",
        description="Triton's APIs that need control_key, over HTTP and gRPC",
    )
    control_key: SecretStr = Field(
        SecretStr(""),
        title="Control key",
        description="Value of the header darkroom-key (gRPC: triton-grpc-protocol-darkroom-key); random when empty",
    )
    gateway: bool = Field(default=True, title="Gateway", description="Runs the gateway beside the server")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", title="Log level", description="debug also passes on everything that Triton logs"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", title="Log format", description="auto: console on a terminal, json elsewhere"
    )

    @field_validator("model_repositories", "restricted_apis", mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        """A comma-separated string is a tuple of its parts."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("extra_arguments", mode="before")
    @classmethod
    def split_as_a_shell_does(cls, value: object) -> object:
        """Flags of tritonserver have commas in them, so these are separated by spaces."""
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @property
    def ports(self) -> dict[str, int]:
        """The server's ports by their variables."""
        return {f"SERVING_{name.upper()}": getattr(self, name) for name in ("http_port", "grpc_port", "metrics_port")}

    @property
    def reachable_host(self) -> str:
        """The host to connect to: a server that listens everywhere is reached on the loopback; IPv6 in brackets."""
        return _reachable(self.host)

    @property
    def grpc_url(self) -> str:
        """What a gRPC client on this machine connects to, `host:port`."""
        return f"{self.reachable_host}:{self.grpc_port}"

    @property
    def http_url(self) -> str:
        return f"http://{self.reachable_host}:{self.http_port}"

    @property
    def metrics_url(self) -> str:
        return f"http://{self.reachable_host}:{self.metrics_port}/metrics"


class GatewaySettings(BaseSettings):
    """Of the gateway's own settings those that its keeper must know."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", title="Host", description="Address that the gateway listens on")
    port: int = Field(8080, ge=0, le=65535, title="Port", description="The gateway's port; 0 picks a free one")
    shutdown_timeout_seconds: int = Field(
        25, ge=1, le=600, title="Shutdown", description="Time that its open requests get to finish"
    )

    @property
    def url(self) -> str:
        """What a client on this machine connects to, `host:port`."""
        return f"{_reachable(self.host)}:{self.port}"


Settings = TypeVar("Settings", bound=BaseSettings)


def read(kind: type[Settings]) -> Settings:
    """The settings that the environment gives.

    Raises:
        SettingsError: names each wrong variable.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"]
        lines = [f"{prefix}{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise SettingsError("; ".join(lines), "correct the variable, or unset it") from error


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Of the names, those that look like settings of ours and are none: misspelt ones, mostly."""
    known = {f"SERVING_{field.upper()}" for field in ServingSettings.model_fields}
    return sorted(name for name in names if name.startswith("SERVING_") and name not in known)


def _reachable(host: str) -> str:
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{local}]" if ":" in local else local
