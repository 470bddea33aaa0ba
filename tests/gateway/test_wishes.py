"""From form fields and JSON to checked options: every field lands in its place, and what is wrong is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds import PROCESS, PROCESS_FULL, REMOVE_BACKGROUND, RENDER, Deed
from gateway.errors import InvalidOptionError
from gateway.wishes import of_document, of_form
from imaging.product_options import CutoutOptions, PhotoOptions, Template, TemplateOptions

ALL_SIDES = ("left", "top", "right", "bottom")


def at(options: object, path: str) -> Any:  # noqa: ANN401 - any value of the options
    for part in path.split("."):
        options = options[part] if isinstance(options, dict) else getattr(options, part)
    return options


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("background", "FF0000", "ground.color", "#FF0000FF"),
        ("background", "#f008", "ground.color", "#FF000088"),
        ("background", "white", "ground.color", "#FFFFFFFF"),
        ("background", "transparent", "ground.color", None),
        ("shadow", "true", "shadow.kind", "dual"),
        ("shadow", "True", "shadow.kind", "dual"),
        ("shadow", "false", "shadow.kind", "none"),
        ("shadow_kind", "floating", "shadow.kind", "floating"),
        ("shadow_direction", "90", "shadow.direction", 90.0),
        ("shadow_length", "1.5", "shadow.length", 1.5),
        ("shadow_softness", "1", "shadow.softness", 1.0),
        ("shadow_opacity", "0.2", "shadow.opacity", 0.2),
        ("shadow_contact", "0", "shadow.contact", 0.0),
        ("shadow_color", "navy", "shadow.color", "#000080FF"),
        ("size", "fitted", "place.size", "fitted"),
        ("padding", "0.2", "place.padding.left", "0.2"),
        ("padding", "15%", "place.padding.bottom", "15%"),
        ("padding", "40px", "place.padding.top", "40px"),
        ("margin", "12px", "place.margin.right", "12px"),
        ("scale", "fill", "place.scale", "fill"),
        ("horizontal", "left", "place.horizontal", "left"),
        ("vertical", "bottom", "place.vertical", "bottom"),
        ("center", "optical", "place.center", "optical"),
        ("snap", "off", "place.snap", False),
        ("erosion", "-1.5", "refine.erosion", -1.5),
        ("decontaminate", "0", "refine.decontaminate", False),
        ("white_on_white", "off", "refine.white_on_white", "off"),
        ("flip", "yes", "review.flip", True),
        ("review_above", "0.9", "review.above", 0.9),
        ("format", "avif", "encode.format", "avif"),
        ("quality", "75", "encode.quality", 75),
        ("dpi", "300", "encode.dpi", 300),
    ],
)
def test_every_field_lands_in_its_place(name: str, text: str, path: str, value: object) -> None:
    assert at(of_form(PROCESS, {name: text}), path) == value


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("template", "sale", "template.name", "sale"),
        ("template_version", "3", "template.version", 3),
        ("title", "Lens 50 mm", "template.fields.title", "Lens 50 mm"),
        ("subtitle", "used", "template.fields.subtitle", "used"),
        ("price", "12", "template.fields.price", "12"),
        ("text_color", "white", "template.fields.text_color", "white"),
        ("bar_color", "#0008", "template.fields.bar_color", "#0008"),
        ("field_sku", "A-1", "template.fields.sku", "A-1"),
        ("format", "webp", "encode.format", "webp"),
    ],
)
@pytest.mark.parametrize("deed", [PROCESS_FULL, RENDER], ids=["process-full", "render-template"])
def test_a_templates_fields_go_to_the_template(deed: Deed, name: str, text: str, path: str, value: object) -> None:
    assert at(of_form(deed, {name: text}), path) == value


def test_the_room_of_a_template_is_a_switch_where_a_subject_is_placed() -> None:
    assert at(of_form(PROCESS_FULL, {}), "template.reserve") is True
    assert at(of_form(PROCESS_FULL, {"template_reserve": "false"}), "template.reserve") is False
    with pytest.raises(InvalidOptionError, match="unknown field template_reserve"):
        of_form(RENDER, {"template_reserve": "false"})
    with pytest.raises(InvalidOptionError, match=r"template\.reserve: unknown; allowed: name, version, fields"):
        of_form(RENDER, {"options": '{"template": {"reserve": false}}'})


def test_nothing_asked_is_what_the_old_service_did() -> None:
    assert of_form(REMOVE_BACKGROUND, {}) == CutoutOptions()
    assert of_form(RENDER, {}) == TemplateOptions(template=Template())
    plain = of_form(PROCESS, {})
    assert isinstance(plain, PhotoOptions)
    assert (plain.ground.color, plain.shadow.kind, plain.encode.format) == ("#FFFFFFFF", "none", "png")
    assert [getattr(plain.place.padding, side) for side in ALL_SIDES] == ["0.1"] * 4
    assert plain.template is None
    full = of_form(PROCESS_FULL, {})
    assert isinstance(full, PhotoOptions)
    assert full.template is not None


def test_width_and_height_are_the_canvas() -> None:
    options = of_form(PROCESS, {"width": "2000", "height": "1500"})
    assert isinstance(options, PhotoOptions)
    assert options.place.size == (2000, 1500)


def test_fields_stand_above_the_json_and_leave_the_rest_of_it() -> None:
    whole = {"encode": {"format": "webp", "quality": 70}, "place": {"padding": {"left": "5%"}, "margin": "1%"}}
    options = of_form(PROCESS, {"options": json.dumps(whole), "quality": "80"})
    assert isinstance(options, PhotoOptions)
    assert (options.encode.format, options.encode.quality) == ("webp", 80)
    assert [getattr(options.place.padding, side) for side in ALL_SIDES] == ["5%", "0", "0", "0"]
    assert options.place.margin.top == "1%"


def test_shadow_true_takes_the_kind_that_was_asked_for() -> None:
    for fields in ({"shadow_kind": "drop"}, {"options": '{"shadow": {"kind": "drop"}}'}):
        assert at(of_form(PROCESS, {"shadow": "true", **fields}), "shadow.kind") == "drop"


def test_an_empty_field_is_none() -> None:
    assert of_form(PROCESS, {"padding": "", "options": "", "shadow": ""}) == of_form(PROCESS, {})


def test_defaults_stay_as_they_are() -> None:
    first = of_form(PROCESS_FULL, {"title": "x", "padding": "0.3", "options": '{"template": {"name": "sale"}}'})
    assert first != of_form(PROCESS_FULL, {})
    assert at(of_form(PROCESS_FULL, {}), "template.fields") == {}
    assert at(of_form(PROCESS_FULL, {}), "place.padding.left") == "0.1"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"colour": "red"}, ("unknown field colour", "background", "padding")),
        ({"title": "x"}, ("unknown field title",)),
        ({"field_x": "x"}, ("unknown field field_x",)),
        ({"background": "blurple"}, ("background: ", "blurple", "FFFFFF, #FFFFFFCC or a CSS name")),
        ({"padding": "80%"}, ("padding: ", "0 to 0.49")),
        ({"margin": "-3px"}, ("margin: ", "pixels")),
        ({"quality": "101"}, ("quality: ", "less than or equal to 100")),
        ({"quality": "high"}, ("quality: ", "valid integer")),
        ({"dpi": "71"}, ("dpi: ", "greater than or equal to 72")),
        ({"review_above": "nan"}, ("review_above: ", "finite")),
        ({"width": "15", "height": "100"}, ("width: ", "greater than or equal to 16")),
        ({"width": "100", "height": "10001"}, ("height: ", "less than or equal to 10000")),
        ({"width": "100"}, ("width and height belong together",)),
        ({"width": "100", "height": "100", "size": "fitted"}, ("exclude size",)),
        ({"size": "big"}, ("size: ", "'original' or 'fitted'")),
        ({"scale": "stretch"}, ("scale: ", "'fit' or 'fill'")),
        ({"shadow": "maybe"}, ("shadow is true or false", "maybe")),
        ({"shadow": "false", "shadow_kind": "drop"}, ("shadow=false and shadow_kind=drop",)),
        ({"shadow": "true", "shadow_kind": "none"}, ("shadow=true and shadow_kind=none",)),
        ({"shadow_kind": "long"}, ("shadow_kind: ", "'floating'")),
        ({"shadow_direction": "360"}, ("shadow_direction: ", "less than 360")),
        ({"format": "gif"}, ("format: ", "'png', 'jpeg', 'webp', 'avif' or 'zip'")),
        ({"format": "jpeg", "background": "transparent"}, ("format: jpeg", "png, webp, avif, zip")),
        ({"options": "{"}, ("options is no JSON",)),
        ({"options": "[]"}, ("options must be a JSON object",)),
        ({"options": "[" * 100_000}, ("options is no JSON",)),
        ({"options": '{"place": {"pading": 1}}'}, ("place.pading: unknown; allowed: size", "padding")),
        ({"options": '{"shade": {}}'}, ("shade: unknown; allowed: refine", "shadow")),
        ({"options": '{"place": 3}', "padding": "0.1"}, ("place: ", "object")),
        ({"options": '{"encode": {"quality": "90"}}'}, ("encode.quality: ", "integer")),
        ({"options": '{"ground": {"gradient": {"end": "x"}}}'}, ("ground.gradient.end: ", "CSS name")),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(fields: dict[str, str], named: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        of_form(PROCESS, fields)
    assert [part for part in named if part not in caught.value.public] == []


def test_deep_nesting_is_an_error_of_the_options() -> None:
    with pytest.raises(InvalidOptionError):
        of_form(PROCESS, {"options": '{"place":' * 900 + "1" + "}" * 900})


def test_a_cut_out_cannot_be_a_jpeg() -> None:
    with pytest.raises(InvalidOptionError, match="jpeg has no transparency"):
        of_form(REMOVE_BACKGROUND, {"format": "jpeg"})


def test_a_cut_out_takes_no_ground() -> None:
    with pytest.raises(InvalidOptionError, match="unknown field background"):
        of_form(REMOVE_BACKGROUND, {"background": "white"})


@given(quality=st.integers(1, 100), left=st.floats(0, 0.49), softness=st.floats(0, 1), price=st.text(max_size=40))
def test_options_survive_their_way_through_a_form(quality: int, left: float, softness: float, price: str) -> None:
    wanted = PhotoOptions.model_validate(
        {
            "encode": {"quality": quality},
            "place": {"padding": {"left": left}},
            "shadow": {"kind": "dual", "softness": softness},
            "template": {"fields": {"price": price}},
        }
    )
    assert of_form(PROCESS_FULL, {"options": wanted.model_dump_json()}) == wanted
    assert of_document(PROCESS_FULL, json.loads(wanted.model_dump_json())) == wanted


def test_a_subject_that_stays_where_it_is_gets_no_room_by_default() -> None:
    """Room is what such a subject may not have, so that the default would refuse every one."""
    document = {"place": {"subject": "as_is"}}
    for found in (of_document(PROCESS, document), of_form(PROCESS, {"options": json.dumps(document)})):
        assert isinstance(found, PhotoOptions)
        assert found == PhotoOptions.model_validate(document)
