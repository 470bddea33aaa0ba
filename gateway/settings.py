"""Every knob of the gateway: one class, read once from `GATEWAY_*` environment variables."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.drift_settings import DriftSettings
from gateway.stream_settings import StreamSettings
from gateway.video_settings import VideoSettings

PREFIX = "GATEWAY_"
STORE_SCHEMES = ("file", "memory", "s3", "az", "gs")
BUCKETS = ("s3", "az", "gs")


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// address without query or fragment")
    return value.rstrip("/")


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or "/" in value:
        raise ValueError("must be host:port, without a scheme")
    return value


def _store_address(value: str) -> str:
    scheme, separator, rest = value.rpartition("://")
    if separator and scheme not in STORE_SCHEMES:
        raise ValueError(f"must be a folder or start with one of {', '.join(s + '://' for s in STORE_SCHEMES)}")
    if scheme != "memory" and not (rest.partition("/")[0] if scheme in BUCKETS else rest):
        raise ValueError("must name a folder, bucket or container")
    return value


def _is_inside(address: str, folder: Path) -> bool:
    path = address.removeprefix("file://")
    return "://" not in path and Path(path).resolve().is_relative_to(folder.resolve())


def _delivery_template(value: str) -> str:
    if value.count("{url}") != 1 or "{" in value.replace("{url}", "") or not value.startswith(("http://", "https://")):
        raise ValueError("must be an http(s) address with {url} in it exactly once")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]


class Settings(VideoSettings, StreamSettings, DriftSettings):
    """Units stand in the names: `_seconds`, `_bytes` bytes, `_pixels` width x height."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", title="Host", description="address the gateway listens on")
    port: int = Field(8080, ge=0, le=65535, title="Port", description="port the gateway listens on; 0 picks a free one")
    public_url: WebAddress | None = Field(
        None, title="Public URL", description="address clients see; without it links use the request's own host"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", title="Log level", description="least severity that is logged"
    )
    keep_alive_timeout_seconds: int = Field(
        65, ge=1, le=3600, title="Keep-alive", description="idle time before a connection is closed"
    )
    shutdown_timeout_seconds: int = Field(
        25, ge=1, le=600, title="Shutdown", description="time that open requests get to finish on a stop signal"
    )
    head_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Head time", description="time a client gets to send the head of a request"
    )
    read_timeout_seconds: float = Field(
        30, gt=0, le=600, title="Reading time", description="time a client gets to take 64 kB of an answer"
    )
    max_requests: int = Field(
        1024, ge=1, title="Requests", description="requests answered at the same time; beyond: 429 (health: never)"
    )

    triton_url: Annotated[str, AfterValidator(_host_and_port)] = Field(
        "127.0.0.1:8001", title="Triton", description="gRPC host:port of the Triton server"
    )
    model_repository: Path = Field(
        Path("model_repository"), title="Model repository", description="folder with config.pbtxt and model.json files"
    )
    step_sources: Path = Field(
        Path("imaging"),
        title="Step sources",
        description="folder of the code that the steps import; new code makes new results",
    )
    templates: Path = Field(
        Path("templates"),
        title="Templates",
        description="folder of the templates; a changed one makes new results",
    )
    templates_url: Annotated[str, AfterValidator(_store_address)] | None = Field(
        None,
        title="Store of templates",
        description="where the folder's further templates come from, an address as of the store; off without it",
    )
    templates_interval_seconds: float = Field(
        30, gt=0, le=86_400, title="Templates' interval", description="time between two looks at the store of templates"
    )
    inference_timeout_seconds: float = Field(
        30,
        gt=0,
        le=600,
        title="Inference deadline",
        description="deadline of one inference, its queue in Triton included",
    )
    max_concurrency: int = Field(
        8, ge=1, le=1024, title="Concurrency", description="inferences that run at the same time"
    )
    max_queue: int = Field(
        32, ge=0, le=100_000, title="Queue", description="further requests admitted (fetching, waiting); beyond: 429"
    )
    queue_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Queue wait", description="longest wait for an inference slot before 429"
    )
    canary_interval_seconds: float = Field(
        5,
        gt=0,
        le=3600,
        title="Canary interval",
        description="time between two looks at each pipeline and its versions",
    )
    canary_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Canary deadline", description="deadline of one canary inference"
    )

    breaker_failures: int = Field(
        5,
        ge=0,
        le=1000,
        title="Breaker",
        description="inferences of a pipeline that fail in a row before its circuit breaker opens; 0: never",
    )
    breaker_rest_seconds: float = Field(
        10,
        gt=0,
        le=3600,
        title="Breaker's rest",
        description="time an open breaker refuses (503), unless a canary is well before; then one request tries",
    )

    max_picture_bytes: int = Field(
        25_000_000, ge=1, title="Picture size", description="largest picture, uploaded or fetched"
    )
    max_batch_bytes: int = Field(
        100_000_000, ge=1, title="Batch size", description="largest upload of several pictures, all together"
    )
    max_uploads: int = Field(
        256, ge=1, title="Uploads", description="uploads on their way in at the same time; beyond: 429"
    )
    max_upload_buffer_bytes: int = Field(
        500_000_000, ge=1, title="Upload buffer", description="bytes of all uploads on their way in; beyond: 429"
    )
    upload_timeout_seconds: float = Field(
        30, gt=0, le=3600, title="Upload time", description="time a client gets to send a whole body"
    )
    # No pipeline takes more than this many: it is the largest value of the parameter max_pixels of `decode`.
    max_pixels: int = Field(
        50_000_000,
        ge=1,
        le=178_956_970,
        title="Pixels",
        description="largest width x height by the picture's header; max_pixels in decode's config.pbtxt counts too",
    )

    fetch_timeout_seconds: float = Field(
        5, gt=0, le=600, title="Fetch time", description="time for one fetch, all redirects and the body included"
    )
    fetch_connect_timeout_seconds: float = Field(
        3, gt=0, le=600, title="Connect time", description="time to connect to one address, TLS handshake apart"
    )
    fetch_max_redirects: int = Field(
        5, ge=0, le=20, title="Redirects", description="redirects followed, each one vetted like the first address"
    )
    fetch_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        title="Allowed networks",
        description="networks beside the global ones, comma-separated CIDR (intranet, tests)",
    )

    store_url: Annotated[str, AfterValidator(_store_address)] = Field(
        "store", title="Store", description="a folder, or s3://bucket/prefix, az://container/prefix, gs://bucket/prefix"
    )
    store_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Store time", description="time for one store operation, retries included"
    )
    store_public_url: WebAddress | None = Field(
        None, title="Public store URL", description="address under which the store's objects are public (CDN, bucket)"
    )
    store_presign_seconds: int = Field(
        0, ge=0, le=604_800, title="Presign", description="lifetime of presigned result URLs; 0: no presigning"
    )
    s3_endpoint: WebAddress | None = Field(
        None, title="S3 endpoint", description="any S3-compatible endpoint; without it Amazon's own"
    )
    s3_region: str | None = Field(None, title="S3 region", description="region of the bucket")
    s3_access_key_id: str | None = Field(
        None, title="S3 key id", description="key id; without it AWS_* or the machine's role"
    )
    s3_secret_access_key: SecretStr | None = Field(None, title="S3 secret", description="secret of the key id")
    s3_session_token: SecretStr | None = Field(None, title="S3 token", description="session token of temporary keys")
    azure_endpoint: WebAddress | None = Field(
        None, title="Azure endpoint", description="an emulator's or a private endpoint; without it Azure's own"
    )
    azure_account_name: str | None = Field(
        None, title="Azure account", description="storage account of an az:// container; without it AZURE_*"
    )
    azure_account_key: SecretStr | None = Field(
        None, title="Azure key", description="account key; without it AZURE_* or the managed identity"
    )
    gcs_endpoint: WebAddress | None = Field(
        None, title="GCS endpoint", description="an emulator's or a private endpoint; without it Google's own"
    )
    gcs_service_account: Path | None = Field(
        None, title="GCS account", description="service account file; without it GOOGLE_* or the machine's role"
    )
    results_epoch: str = Field(
        "1",
        pattern=r"^[A-Za-z0-9._-]{1,32}$",
        title="Results epoch",
        description="change it to make every result anew, as after an update of the server's libraries",
    )
    delivery_template: Annotated[str, AfterValidator(_delivery_template)] | None = Field(
        None, title="Delivery", description="where /crop redirects, {url} is the quoted result URL (CDN fetch URLs)"
    )

    fallback_url: WebAddress | None = Field(
        None,
        title="Fallback",
        description="base of a PhotoRoom-compatible API that makes product photos while Triton cannot; off without it",
    )
    fallback_edit_url: WebAddress | None = Field(
        None, title="Fallback's editor", description="base of its /v2/edit, where that is another host"
    )
    fallback_api_key: SecretStr | None = Field(None, title="Fallback key", description="its x-api-key")
    fallback_timeout_seconds: float = Field(
        30, gt=0, le=600, title="Fallback time", description="deadline of one photo that the fallback makes"
    )
    fallback_max_bytes: int = Field(
        100_000_000, ge=1, title="Fallback size", description="largest picture that is taken from the fallback"
    )

    @model_validator(mode="before")
    @classmethod
    def _split_networks(cls, values: dict[str, object]) -> dict[str, object]:
        text = values.get("fetch_allowed_networks")
        if isinstance(text, str):
            values["fetch_allowed_networks"] = tuple(part.strip() for part in text.split(",") if part.strip())
        return values

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError("s3_access_key_id and s3_secret_access_key belong together")
        if self.fallback_url is None and (self.fallback_edit_url or self.fallback_api_key):
            raise ValueError("fallback_edit_url and fallback_api_key need fallback_url")
        if self.max_upload_buffer_bytes < 2 * self.max_picture_bytes:
            raise ValueError("max_upload_buffer_bytes must be at least twice max_picture_bytes")
        if self.templates_url and _is_inside(self.templates_url, self.templates):
            raise ValueError("templates_url must lie outside the folder of the templates")
        if self.store_presign_seconds and self.store_public_url:
            raise ValueError("store_presign_seconds and store_public_url exclude each other")
        if self.store_presign_seconds and not self.store_url.startswith(("s3://", "az://", "gs://")):
            raise ValueError("store_presign_seconds needs a store that can sign: s3://, az:// or gs://")
        return self


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names of `GATEWAY_*` variables that no setting reads, most likely typing errors."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
