"""The knobs of live streams, part of `settings.Settings`."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

SCHEMES = ("rtsp", "rtsps", "http", "https", "file")
SOURCE_NAME = r"^[A-Za-z0-9._-]{1,64}$"
SourceName = Annotated[str, Field(pattern=SOURCE_NAME)]


class StreamSettings(BaseSettings):
    """Units stand in the names, as in all settings."""

    max_streams: int = Field(
        16, ge=0, le=10_000, title="Streams", description="live streams at the same time; beyond: closed with 1013"
    )
    max_stream_message_bytes: int = Field(
        8_000_000, ge=1024, title="Message size", description="largest frame or chunk that a live stream is sent"
    )
    stream_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        title="Origins of streams",
        description="web origins beside the gateway's own whose pages may open live streams, comma-separated",
    )
    stream_idle_timeout_seconds: float = Field(
        30, gt=0, le=3600, title="Idle stream", description="time without a frame before a live stream is closed"
    )
    stream_send_timeout_seconds: float = Field(
        5, gt=0, le=600, title="Slow viewer", description="time a live stream's client gets to take what is waiting"
    )
    stream_outage_timeout_seconds: float = Field(
        60, gt=0, le=3600, title="Outage", description="time a live stream waits for a server that does not answer"
    )
    stream_sources: dict[SourceName, SecretStr] = Field(
        {},
        title="Sources",
        description="videos that viewers may watch by name, JSON: name to rtsp://, http(s):// or a file's path",
    )
    stream_source_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Silent source", description="time a source may be silent before it is opened anew"
    )
    stream_source_rest_seconds: float = Field(
        30, gt=0, le=3600, title="Source's rest", description="longest wait between two tries to open a source"
    )

    @field_validator("stream_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("stream_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin: write https://host or https://host:port")
        return tuple(origin.lower() for origin in value)

    @field_validator("stream_sources")
    @classmethod
    def _are_sources(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, address in value.items():
            scheme, separator, rest = address.get_secret_value().partition("://")
            if not address.get_secret_value() or (separator and (scheme not in SCHEMES or not rest)):
                allowed = ", ".join(f"{scheme}://" for scheme in SCHEMES)
                raise ValueError(f"source {name!r} must be a file's path or start with one of {allowed}")
        return value
