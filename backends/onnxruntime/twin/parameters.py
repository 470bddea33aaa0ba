"""Typed reading of the strings that a `config.pbtxt` holds."""

from collections.abc import Mapping
from typing import Any

# A model configuration as Triton hands it over: config.pbtxt turned into JSON.
Config = Mapping[str, Any]

_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


class ConfigError(ValueError):
    """A model configuration that this backend cannot honour; the text names the culprit and what is allowed."""


def parameter(config: Config, key: str) -> str | None:
    """The string of top-level parameter `key`, or None where it is not given."""
    value = config.get("parameters", {}).get(key)
    return None if value is None else str(value.get("string_value", ""))


def as_bool(text: str, what: str) -> bool:
    """Reads "1", "0", "true" or "false" (any case); raises ConfigError naming `what` for anything else."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ConfigError(f"{what} is '{text}', allowed are 1, 0, true and false") from None


def as_int(text: str, what: str) -> int:
    """Reads a whole number; raises ConfigError naming `what` for anything else."""
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{what} is '{text}', allowed is a whole number") from None


def as_choice(text: str, what: str, choices: Mapping[str, str]) -> str:
    """The meaning of `text` in `choices`; raises ConfigError naming `what` and every choice."""
    try:
        return choices[text.strip()]
    except KeyError:
        allowed = ", ".join(f"{code} ({meaning})" for code, meaning in choices.items())
        raise ConfigError(f"{what} is '{text}', allowed are {allowed}") from None
