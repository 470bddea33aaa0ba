"""Another service that makes a product photo while Triton cannot: any API that speaks PhotoRoom's.

Off without a URL. What it makes lies apart from our own results, where nobody looks for a result.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Mapping

import httpx
import structlog

from gateway.errors import PICTURE, UnsupportedTypeError
from gateway.limits import Picture, check_size, examine
from gateway.photoroom import EDIT, Call, UntranslatableError, call_of
from gateway.results import Record, Result
from gateway.settings import Settings
from gateway.telemetry import Telemetry
from imaging.product_options import CutoutOptions, TemplateOptions

log = structlog.get_logger("gateway.fallback")

FALLBACK = "fallback"
OK = 200
SCORE = "x-uncertainty-score"
FAILURES: tuple[type[Exception], ...] = (httpx.HTTPError, TimeoutError, *PICTURE)


class Fallback:
    """One per event loop; close it at the end."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._telemetry = telemetry
        key = settings.fallback_api_key
        self._headers = {"Accept": "image/*", **({"x-api-key": key.get_secret_value()} if key else {})}
        self._client = httpx.AsyncClient(timeout=settings.fallback_timeout_seconds) if settings.fallback_url else None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    @property
    def is_on(self) -> bool:
        return self._client is not None

    def covers(self, options: CutoutOptions | TemplateOptions) -> bool:
        """Whether it can make what is asked; where it cannot, the log says why."""
        return self.is_on and self._call(options) is not None

    async def instead(
        self, options: CutoutOptions | TemplateOptions, picture: Picture, extension: str
    ) -> Result | None:
        """The photo, not stored; None where the other service is off, cannot make it, or fails too."""
        call = self._call(options) if self.is_on else None
        if call is None or not isinstance(options, CutoutOptions):
            return None
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.fallback_timeout_seconds):
                data, headers = await self._ask(call, picture)
            made = await asyncio.to_thread(examine, data, self._settings.max_pixels)
            _require_kind(made, options)
        except FAILURES as error:
            self._telemetry.fallback.labels("failed").inc()
            log.warning("the fallback failed", path=call.path, error=repr(error))
            return None
        seconds = time.monotonic() - started
        self._telemetry.fallback.labels("answered").inc()
        self._telemetry.fallback_seconds.observe(seconds)
        log.warning("the fallback answered", path=call.path, seconds=round(seconds, 4))
        return _result(made, extension, _score(headers), options.review.above)

    def _call(self, options: CutoutOptions | TemplateOptions) -> Call | None:
        if not isinstance(options, CutoutOptions):
            return None
        try:
            return call_of(options)
        except UntranslatableError as error:
            self._telemetry.fallback.labels("untranslatable").inc()
            log.warning("the fallback cannot be told", what=str(error))
            return None

    async def _ask(self, call: Call, picture: Picture) -> tuple[bytes, Mapping[str, str]]:
        """The other service's file. Raises httpx.HTTPError, or TooLargeError."""
        settings, client = self._settings, self._client
        if client is None:
            raise httpx.ConnectError("there is no fallback")
        base = (settings.fallback_edit_url if call.path == EDIT else None) or settings.fallback_url
        files = {call.file_field: (f"photo.{picture.kind.lower()}", picture.data)}
        address = f"{base}{call.path}"
        async with client.stream("POST", address, data=call.fields, files=files, headers=self._headers) as answer:
            if answer.status_code != OK:
                raise httpx.HTTPStatusError(f"it answers {answer.status_code}", request=answer.request, response=answer)
            data = bytearray()
            async for piece in answer.aiter_bytes():
                data += piece
                check_size(len(data), settings.fallback_max_bytes)
            return bytes(data), answer.headers


def _require_kind(made: Picture, options: CutoutOptions) -> None:
    if made.kind.lower() != options.encode.format:
        raise UnsupportedTypeError(f"{options.encode.format} was asked for, {made.kind} came")


def _score(headers: Mapping[str, str]) -> float | None:
    """0 to 1; the other service says -1 where it has none."""
    try:
        score = float(headers.get(SCORE, ""))
    except ValueError:
        return None
    return score if math.isfinite(score) and 0 <= score <= 1 else None


def _result(made: Picture, extension: str, score: float | None, review_above: float) -> Result:
    record = Record(
        id=hashlib.sha256(made.data).hexdigest(),
        pipeline=FALLBACK,
        output="picture",
        model=FALLBACK,
        version=0,
        width=made.width,
        height=made.height,
        box=None,
        extension=extension,
        uncertainty=score,
        needs_review=None if score is None else score >= review_above,
    )
    return Result(record, cached=False, data=made.data)
