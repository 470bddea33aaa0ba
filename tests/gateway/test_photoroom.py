"""Options in the words of PhotoRoom's API, and what it has no word for."""

from typing import Any

import pytest

from gateway.photoroom import UntranslatableError, call_of
from imaging.product_options import CutoutOptions, PhotoOptions


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ground": {"color": None}}, {"outputSize": "originalImage"}),
        ({"place": {"size": "fitted"}}, {"outputSize": "croppedSubject"}),
        ({"place": {"subject": "as_is"}}, {"referenceBox": "originalImage", "outputSize": "originalImage"}),
        ({"place": {"snap": False}}, {"ignorePaddingAndSnapOnCroppedSides": "false"}),
        ({"shadow": {"kind": "floating"}}, {"shadow.mode": "ai.floating"}),
        (
            {"shadow": {"kind": "dual", "direction": 90.0, "opacity": 0.5}},
            {
                "shadow.mode": "ai.auto-with-overrides",
                "shadow.directionOverride": "270",
                "shadow.intensityOverride": "0.5",
                "shadow.softnessOverride": "0.5",
            },
        ),
    ],
)
def test_options_in_the_other_services_words(options: dict[str, Any], expected: dict[str, str]) -> None:
    fields = call_of(PhotoOptions.model_validate(options)).fields
    assert expected.items() <= fields.items()
    assert ("background.color" in fields) is ("ground" not in options)


def test_a_cut_out_with_dots_per_inch_needs_the_editor() -> None:
    call = call_of(CutoutOptions.model_validate({"encode": {"dpi": 300}}))
    assert (call.path, call.fields["export.dpi"], call.fields["referenceBox"]) == ("/v2/edit", "300", "originalImage")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ground": {"picture": {"data": "AAAA"}}}, "ground.picture"),
        ({"ground": {"color": "#FFFFFF80"}}, "ground.color"),
        ({"place": {"center": "optical"}}, "place.center"),
        ({"place": {"subject": "as_is", "size": "fitted"}}, "place.subject"),
        ({"shadow": {"kind": "dual", "length": 1.0}}, "shadow.length"),
        ({"shadow": {"kind": "dual", "color": "red"}}, "shadow.color"),
        ({"shadow": {"kind": "floating", "softness": 1.0}}, "floating"),
        ({"encode": {"format": "webp", "quality": 50}}, "encode.quality"),
        ({"review": {"flip": True}}, "review.flip"),
        ({"refine": {"holes": 0.1}}, "refine"),
    ],
)
def test_what_it_has_no_word_for_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UntranslatableError, match=named):
        call_of(PhotoOptions.model_validate(options))
