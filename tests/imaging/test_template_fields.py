from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imaging.template_fields import AnyField, ColorField, FieldError, NumberField, PriceField, TextField, values

TEXT = TextField(kind="text")


@pytest.mark.parametrize(
    ("keys", "given", "shown"),
    [
        ({}, "1299.9", "1.299,90\u00a0€"),
        ({}, "0", "0,00\u00a0€"),
        ({}, "1234567.00", "1.234.567,00\u00a0€"),
        ({"whole": ",–"}, "1299.00", "1.299,–\u00a0€"),  # noqa: RUF001
        ({"whole": ",–"}, "1299.50", "1.299,50\u00a0€"),  # noqa: RUF001
        ({"currency": "$", "pattern": "{currency}{amount}", "decimal": ".", "group": ","}, "1299.9", "$1,299.90"),
        (
            {"currency": "CHF", "pattern": "{currency} {amount}", "decimal": ".", "group": "'"},
            "1299.95",
            "CHF\u00a01'299.95",
        ),
        ({"currency": "¥", "pattern": "{currency}{amount}", "decimals": 0, "group": ","}, "129900.00", "¥129,900"),
        ({"pattern": "ab {amount} {currency}*"}, "5", "ab\u00a05,00\u00a0€*"),
    ],
)
def test_a_price_is_written_as_the_template_says(keys: dict[str, str], given: str, shown: str) -> None:
    field = PriceField(kind="price", **keys)  # type: ignore[arg-type]
    assert values({"price": field}, {"price": given}).shown == {"price": shown}


@pytest.mark.parametrize("given", ["12,50", "1.299,00", "€5", "-1", "abc", "1e5", "NaN", "12.505", "1" * 13, "٣"])
def test_what_is_no_price_is_refused_and_never_rounded(given: str) -> None:
    with pytest.raises(FieldError, match="price: "):
        values({"price": PriceField(kind="price")}, {"price": given})


@given(st.decimals(0, 10**9, places=2))
def test_a_price_keeps_its_digits(amount: object) -> None:
    shown = values({"price": PriceField(kind="price")}, {"price": str(amount)}).shown["price"]
    assert shown.removesuffix("\u00a0€").replace(".", "").replace(",", ".") == f"{amount:.2f}"


@pytest.mark.parametrize("pattern", ["{currency}", "{amount}{amount}", "{amount} {other}", "{amount", "{amount!r}"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        PriceField(kind="price", pattern=pattern)


def test_every_wrong_field_is_named_at_once_with_what_is_allowed() -> None:
    declared: dict[str, AnyField] = {
        "title": TextField(kind="text", required=True),
        "size": NumberField(kind="number", maximum=10),
        "paint": ColorField(kind="color", default="red"),
    }
    with pytest.raises(FieldError) as error:
        values(declared, {"titel": "x", "size": "11", "paint": "blau"})
    said = str(error.value)
    assert "titel: the template has no such field; it has title, size, paint" in said
    assert "title: is required" in said
    assert "size: '11' is out of range: 0 to 10" in said
    assert "paint: 'blau' is no colour" in said


def test_a_template_without_fields_says_so() -> None:
    with pytest.raises(FieldError, match="it has none"):
        values({}, {"title": "x"})


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\t", "\x1b", "\u0085", "\u2028", "\u202e"])
def test_control_characters_are_refused(sign: str) -> None:
    with pytest.raises(FieldError, match=f"U\\+{ord(sign):04X}"):
        values({"title": TEXT}, {"title": f"a{sign}b"})


def test_line_breaks_of_forms_are_line_breaks() -> None:
    assert values({"title": TEXT}, {"title": "one\r\ntwo\n"}).shown["title"] == "one\ntwo"


def test_text_is_composed_and_its_length_counted_after_it() -> None:
    field = TextField(kind="text", max_length=1)
    assert values({"title": field}, {"title": "u\u0308"}).shown["title"] == "ü"
    with pytest.raises(FieldError, match="is 2 characters long, at most 1"):
        values({"title": field}, {"title": "ab"})


def test_a_blank_field_takes_its_default() -> None:
    declared = {"title": TextField(kind="text", default="shop"), "other": TEXT}
    found = values(declared, {"title": "  "})
    assert found.shown == {"title": "shop", "other": ""}


@pytest.mark.parametrize(
    ("given", "plain"), [("f00", "#FF0000FF"), ("#0102037f", "#0102037F"), (" teal ", "#008080FF")]
)
def test_colours_are_read_as_in_the_options(given: str, plain: str) -> None:
    assert values({"paint": ColorField(kind="color", required=True)}, {"paint": given}).plain["paint"] == plain


@pytest.mark.parametrize(
    ("keys", "given", "shown"),
    [
        ({}, "1200.50", "1200.5"),
        ({"decimal": ",", "group": "."}, "1200.5", "1.200,5"),
        ({"minimum": -5.0}, "-4", "-4"),
        ({}, "100", "100"),
    ],
)
def test_a_number_is_written_without_idle_zeros(keys: dict[str, str], given: str, shown: str) -> None:
    field = NumberField(kind="number", **keys)  # type: ignore[arg-type]
    assert values({"n": field}, {"n": given}).shown["n"] == shown
