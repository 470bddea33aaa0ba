"""The call of an operator's address, against real servers that behave and that do not; and the settings for it."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from gateway.drift.report import Report
from gateway.drift.webhook import TRIES, Webhook
from gateway.settings import Settings
from tests.gateway.drift_receiver import receiving

SECRET = SecretStr("any text")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
REPORT = Report(
    network="shelf_segmenter",
    time=NOW,
    since=NOW,
    frames=200,
    windows_over=4,
    score=2.5,
    compared=[],
    sample="drift/20260102T000000Z-shelf_segmenter",
    pictures=50,
)


def webhook(url: str, timeout_s: float = 5) -> Webhook:
    return Webhook(url, SECRET, timeout_s, pause_s=lambda _: 0.0)


async def test_a_server_that_fails_for_a_while_is_tried_again_with_the_same_message() -> None:
    async with receiving(b"503 Busy", b"429 Slow", b"200 OK") as (receiver, url):
        assert await webhook(url).tell(REPORT)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert len(receiver.got) == 3


async def test_a_server_that_goes_on_failing_is_left_alone_after_some_tries() -> None:
    async with receiving(b"500 Broken") as (receiver, url):
        assert not await webhook(url).tell(REPORT)
    assert len(receiver.got) == TRIES


@pytest.mark.parametrize(
    "status", [b"404 Not Found", b"401 Unauthorized", b"302 Found\r\nLocation: http://127.0.0.1:1/"]
)
async def test_what_no_other_try_would_change_is_not_tried_again(status: bytes) -> None:
    async with receiving(status) as (receiver, url):
        assert not await webhook(url).tell(REPORT)
    assert len(receiver.got) == 1


async def test_a_server_that_never_answers_costs_the_deadline_and_no_more() -> None:
    async with receiving(b"silence", b"200 OK") as (receiver, url):
        assert await webhook(url, timeout_s=0.2).tell(REPORT)
    assert len(receiver.got) == 2


async def test_an_address_where_nobody_listens_is_no_error() -> None:
    assert not await webhook("http://127.0.0.1:9/hook").tell(REPORT)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"drift_webhook": "http://hook.example/a?b=c"}, "need each other"),
        ({"drift_webhook_secret": "text"}, "need each other"),
        ({"drift_webhook": "ftp://hook.example", "drift_webhook_secret": "text"}, "http"),
        ({"drift_webhook": "http://hook.example", "drift_webhook_secret": ""}, "need each other|empty"),
        ({"drift_webhook": "http://hook.example", "drift_webhook_secret": "whsec_?"}, "Base64|base64|padding|alphabet"),
        ({"drift_window_frames": 5}, "20"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(values)


def test_the_secret_is_in_no_text() -> None:
    told = Settings.model_validate({"drift_webhook": "http://hook.example", "drift_webhook_secret": "sesame"})
    assert "sesame" not in repr(told) + str(told.model_dump())
