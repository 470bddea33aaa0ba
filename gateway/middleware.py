"""Around every request: its id, its metrics, its line in the log, the headers every answer has, a bound on its body."""

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problems
from gateway.errors import BusyError
from gateway.telemetry import Telemetry

log = structlog.get_logger("gateway.access")

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_BODY_BYTES = 64 * 1024
PHOTOS = ("/remove-background", "/process", "/process-full", "/render-template")
KEYWORDS = ("/api/v1/predict", "/api/v1/predict_batch", "/api/v1/route")
SHELVES = ("/api/segment_frame", "/api/segment_video")
UPLOADS = ("/predict_upload", "/analyze_image_upload/", "/v1/embeddings", *KEYWORDS, *PHOTOS, *SHELVES)
# Whoever looks after an overloaded gateway must still be able to look.
ALWAYS_ANSWERED = ("/health", "/metrics")
RETRY_AFTER_S = 1.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DOCS = "/docs"
DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: blob:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class RequestContext:
    """Plain ASGI, so that the disconnect reaches the routes unchanged."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, body_timeout_s: float, max_requests: int) -> None:
        self._app = app
        self._telemetry = telemetry
        self._body_timeout_s = body_timeout_s
        self._max_requests = max_requests
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, scope["path"])
        started = time.monotonic()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            self._telemetry.in_flight.track_inprogress(),
        ):
            try:
                with self._counted(scope["path"]):
                    await self._app(scope, self._bounded(scope, receive), answer)
            except BusyError as error:
                await problems.problem(Request(scope), error)(scope, receive, answer)
            except Exception as error:
                # The outermost place that still knows the request's id; FastAPI's own handler stands outside of it.
                log.exception("unexpected", exc_info=error)
                if answer.begun:
                    raise
                await problems.unexpected(Request(scope))(scope, receive, answer)
            finally:
                self._record(scope, answer, time.monotonic() - started)

    @contextmanager
    def _counted(self, path: str) -> Iterator[None]:
        """Raises BusyError beyond the bound on requests."""
        weight = 0 if path.endswith(ALWAYS_ANSWERED) else 1
        if self._requests + weight > self._max_requests:
            self._telemetry.rejected.labels("requests").inc()
            raise BusyError("too many requests at once", retry_after_s=RETRY_AFTER_S)
        self._requests += weight
        try:
            yield
        finally:
            self._requests -= weight

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Uploads hold pictures and have their own limits, in `uploads.py`; all other bodies are some lines."""
        return receive if scope["path"].endswith(UPLOADS) else _Bounded(receive, self._body_timeout_s)

    def _record(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        # Clients choose their methods freely; a label's values must not be theirs to choose.
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._telemetry.requests.labels(route, method, str(answer.status)).inc()
        self._telemetry.request_seconds.labels(route).observe(seconds)
        log.info(
            "answered",
            method=scope["method"],
            path=scope["path"],
            route=route,
            status=answer.status,
            seconds=round(seconds, 4),
            answer_bytes=answer.size_bytes,
        )


class _Answer:
    """`send` with the headers added, remembering what was sent."""

    def __init__(self, send: Send, request_id: str, path: str) -> None:
        self._send = send
        self._headers = {"X-Request-ID": request_id, **SECURITY}
        if path == DOCS:
            self._headers["Content-Security-Policy"] = DOCS_POLICY
        self.begun = False
        self.status = 500
        self.size_bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        self.size_bytes += len(message.get("body", b""))
        await self._send(message)


def request_id_of(headers: Headers) -> str:
    """The client's own X-Request-ID if it is a sane one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if SANE_ID.fullmatch(given) else uuid.uuid4().hex


class _Bounded:
    """`receive` with bounds on the body's size and time; what comes after the body may take as long as it likes."""

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._ends_at = asyncio.get_running_loop().time() + timeout_s
        self._size_bytes = 0
        self._complete = False

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout_at(None if self._complete else self._ends_at):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"the body took longer than {self._timeout_s:g} s") from error
        self._complete = self._complete or not message.get("more_body", False)
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        return message
