"""The knobs of drift, part of `settings.Settings`."""

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

ENCODED = "whsec_"


def _operators_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError("must be an http:// or https:// address")
    return value


def webhook_key(secret: SecretStr) -> bytes:
    """The bytes that sign. Raises ValueError where what follows whsec_ is not Base64."""
    text = secret.get_secret_value()
    return b64decode(text.removeprefix(ENCODED), validate=True) if text.startswith(ENCODED) else text.encode()


class DriftSettings(BaseSettings):
    """Units stand in the names, as in all settings."""

    drift: bool = Field(
        default=True,
        title="Drift",
        description="compares frames of streams with the profile of their network, where it has one",
    )
    drift_profile: Path | None = Field(
        None,
        title="Profile",
        description="profile.json of the network that it names; without it that beside the served version",
    )
    drift_sample_seconds: float = Field(
        10, gt=0, le=86_400, title="Sampling", description="time between two frames that are taken from one stream"
    )
    drift_window_frames: int = Field(
        200, ge=20, le=5000, title="Window", description="frames that are compared at once; looked at every quarter"
    )
    drift_windows: int = Field(
        4, ge=1, le=1000, title="Windows", description="windows in a row over the threshold before drift is reported"
    )
    drift_threshold: float = Field(
        1, gt=0, le=1000, title="Drift's threshold", description="times the usual thresholds; larger reports less"
    )
    drift_report_frames: int = Field(
        50, ge=0, le=1000, title="Reported frames", description="frames of the window that a report keeps in the store"
    )
    drift_cooldown_seconds: float = Field(
        21_600, ge=0, title="Cool-down", description="least time between two reports about one network"
    )
    drift_webhook: Annotated[str, AfterValidator(_operators_address)] | None = Field(
        None, title="Webhook", description="address that is told of each report; off without it"
    )
    drift_webhook_secret: SecretStr | None = Field(
        None, title="Webhook's secret", description="signs what the webhook is told; whsec_BASE64, or any text"
    )
    drift_webhook_timeout_seconds: float = Field(
        10, gt=0, le=600, title="Webhook's time", description="deadline of one call; tried five times"
    )

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> Self:
        if bool(self.drift_webhook) != bool(self.drift_webhook_secret):
            raise ValueError("drift_webhook and drift_webhook_secret need each other")
        if self.drift_webhook_secret and not webhook_key(self.drift_webhook_secret):
            raise ValueError("drift_webhook_secret must not be empty")
        return self
