"""Decides from canaries when a server must be restarted."""

from collections.abc import Sequence

from serving.canary import CanaryResult

__all__ = ["Health"]

_OUR_FAULT = ("INVALID_ARGUMENT", "NOT_FOUND")
_PATIENT = ("DEADLINE_EXCEEDED", "UNAVAILABLE")
_PATIENCE = 2


class Health:
    """Remembers which pipelines have ever worked: a restart can only bring back what once was there.

    A timeout or a refusal counts when it comes twice in a row, since a busy server gives them too; any other failure
    counts at once. A canary that the pipeline itself calls wrong, or one for a model that was unloaded by hand, never.
    """

    def __init__(self) -> None:
        self._once_good: set[str] = set()
        self._strikes: dict[str, int] = {}

    def note(self, results: Sequence[CanaryResult]) -> str:
        """Take in one round; the reason for a restart, empty when there is none."""
        reasons = [self._judge(result) for result in results]
        return "; ".join(filter(None, reasons))

    def _judge(self, result: CanaryResult) -> str:
        name = result.pipeline
        if result.ok:
            self._once_good.add(name)
            self._strikes.pop(name, None)
            return ""
        if name not in self._once_good or result.code in _OUR_FAULT:
            return ""
        self._strikes[name] = self._strikes.get(name, 0) + 1
        if result.code in _PATIENT and self._strikes[name] < _PATIENCE:
            return ""
        self._strikes.pop(name)
        return f"{name}: {result.reason}"
