"""The command line of tritonserver."""

import ipaddress
import math
import secrets
from collections.abc import Iterable
from pathlib import Path

from serving.discovery import Server
from serving.settings import ServingSettings

__all__ = ["HEADER", "arguments", "control_key"]

HEADER = "darkroom-key"
"""Header of the restricted APIs over HTTP; over gRPC Triton puts `triton-grpc-protocol-` before it."""

_GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


def control_key(settings: ServingSettings) -> str:
    """The key of this run: loading a model runs its code, so nobody without the key may ask for it."""
    return settings.control_key.get_secret_value() or secrets.token_urlsafe(24)


def arguments(settings: ServingSettings, server: Server, models: Iterable[str], prefix: str, key: str) -> list[str]:
    """The server's program and flags; only flags that release 24.10 knows."""
    flags = [
        *_addresses(settings),
        *(f"--model-repository={folder.resolve()}" for folder in settings.model_repositories),
        "--model-control-mode=explicit",
        *(f"--load-model={name}" for name in models),
        "--exit-on-error=false",
        "--strict-readiness=false",
        f"--exit-timeout-secs={math.ceil(settings.exit_timeout_seconds)}",
        f"--backend-config=python,shm-region-prefix-name={prefix}",
        *_restrictions(settings, key),
    ]
    if server.backend_directory:
        flags.append(f"--backend-directory={server.backend_directory}")
    if settings.model_config_name:
        flags.append(f"--model-config-name={settings.model_config_name}")
    if not settings.auto_complete_config:
        flags.append("--disable-auto-complete-config")
    if not any(device.exists() for device in _GPU_DEVICES):
        flags += ["--pinned-memory-pool-byte-size=0", "--allow-gpu-metrics=false"]
    return [str(server.executable), *flags, *settings.extra_arguments]


def _addresses(settings: ServingSettings) -> list[str]:
    return [
        f"--http-address={settings.host}",
        f"--http-port={settings.http_port}",
        f"--grpc-address={_bracketed(settings.host)}",
        f"--grpc-port={settings.grpc_port}",
        f"--metrics-address={settings.host}",
        f"--metrics-port={settings.metrics_port}",
    ]


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host  # noqa: PLR2004 - IPv6
    except ValueError:
        return host


def _restrictions(settings: ServingSettings, key: str) -> list[str]:
    if not settings.restricted_apis:
        return []
    names = ",".join(settings.restricted_apis)
    return [f"--http-restricted-api={names}:{HEADER}={key}", f"--grpc-restricted-protocol={names}:{HEADER}={key}"]
