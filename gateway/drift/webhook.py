"""Tells an operator's address of a report, signed as the Standard Webhooks specification says."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable

import httpx
import structlog
from pydantic import SecretStr

from gateway.drift.report import Report
from gateway.drift_settings import webhook_key

log = structlog.get_logger("gateway.drift")

TYPE = "shelf_drift"
TRIES = 5
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0
WORTH_A_TRY = frozenset({408, 425, 429})
SERVER_ERROR = 500


class Webhook:
    """One address. Redirects are not followed: they would lead the signed message where nobody meant it to go."""

    def __init__(
        self, url: str, secret: SecretStr, timeout_s: float, pause_s: Callable[[int], float] | None = None
    ) -> None:
        self._url = url
        self._key = webhook_key(secret)
        self._timeout_s = timeout_s
        self._pause_s = pause_s or _pause_s

    async def tell(self, report: Report) -> bool:
        """Whether it was taken, at once or by a later try; what went wrong is logged. Never raises."""
        message = {"type": TYPE, "timestamp": report.time.isoformat(), "data": report.model_dump(mode="json")}
        body, name = json.dumps(message).encode(), f"msg_{uuid.uuid4().hex}"
        async with httpx.AsyncClient(timeout=self._timeout_s) as client:
            for number in range(TRIES):
                trouble, again = await self._try(client, body, name)
                if not trouble:
                    return True
                log.warning("the drift webhook failed", trouble=trouble, attempt=number + 1, again=again)
                if not again or number == TRIES - 1:
                    break
                await asyncio.sleep(self._pause_s(number))
        return False

    async def _try(self, client: httpx.AsyncClient, body: bytes, name: str) -> tuple[str, bool]:
        """What went wrong, if anything did, and whether another try makes sense."""
        headers = signed(self._key, body, name, int(time.time()))
        try:
            # httpx's deadline is for each read; a server that sends a byte now and then would hold us for ever.
            async with (
                asyncio.timeout(self._timeout_s),
                client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            return repr(error), True
        if answer.is_success:
            return "", False
        return f"status {status}", status >= SERVER_ERROR or status in WORTH_A_TRY


def signed(key: bytes, body: bytes, name: str, timestamp: int) -> dict[str, str]:
    """The headers of one try; the same message has the same `webhook-id` in each."""
    content = f"{name}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _pause_s(number: int) -> float:
    return min(FIRST_PAUSE_S * 4.0**number, MOST_PAUSE_S)
