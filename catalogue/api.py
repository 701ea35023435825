"""The HTTP API: POST /api/search, GET /api/health. Errors are {"error": why} with a status."""

from flask import Blueprint, jsonify, request
from werkzeug.exceptions import BadRequest

from catalogue.answers import as_json
from catalogue.service import service

MOST_RESULTS = 1000  # those skipped counted
api = Blueprint("api", __name__, url_prefix="/api")


@api.get("/health")
def health():
    return jsonify(status="ok", images=len(service().index))


@api.post("/search")
def search():
    """multipart/form-data with an image file, or a form or JSON object with a catalogue name."""
    try:
        asked = request.get_json() if request.is_json else request.form
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    if not hasattr(asked, "get"):
        raise BadRequest("the body is no JSON object")
    options = dict(
        text=text_of(asked, "text"),
        top=number_of(asked, "top", int, 10, 1, MOST_RESULTS),
        skip=number_of(asked, "skip", int, 0, 0, MOST_RESULTS),
        within=text_of(asked, "within"),
        largest_distance=number_of(asked, "largest_distance", float, None, 0, 1e9),
        hide_copies=switch_of(asked, "hide_copies"),
        keep_query=switch_of(asked, "keep_query"),
    )
    if options["skip"] + options["top"] > MOST_RESULTS:
        raise BadRequest(f"skip and top together must be at most {MOST_RESULTS}")
    answer = service().find(picture_of(asked), **options)
    return jsonify(as_json(answer))


def picture_of(asked):
    """Bytes of the picture that a request brings or names."""
    index = service().index
    if "image" in request.files:
        return request.files["image"].read()
    name = text_of(asked, "name", 4096)
    number = index.number_of(name) if name else None
    if number is None:
        raise BadRequest(f"no picture {name!r} here" if name else "needs an image file or a name")
    return index.read(number)


def text_of(asked, name, longest=500):
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise BadRequest(f"{name} must be a text of at most {longest} characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRequest(f"{name} holds half of a surrogate pair")
    return value


def number_of(asked, name, kind, default, least, most):
    value = asked.get(name, default)
    if value is default:
        return default
    try:
        if isinstance(value, bool) or not least <= kind(value) <= most:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise BadRequest(f"{name} must be a number from {least} to {most:g}") from None
    return kind(value)


def switch_of(asked, name):
    value = asked.get(name, False)
    if value not in (True, False, "true", "false"):
        raise BadRequest(f"{name} must be true or false")
    return value in (True, "true")
