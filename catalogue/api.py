"""The HTTP API: POST /api/search, GET /api/health. Errors are {"error": why} with a status."""

from flask import Blueprint, jsonify, request
from werkzeug.exceptions import BadRequest

from catalogue.answers import as_json
from catalogue.fields import number_of, require_known, switch_of, text_of
from catalogue.service import service

MOST_RESULTS = 1000  # those skipped counted
FIELDS = (
    "name", "text", "top", "skip", "within", "largest_distance", "hide_copies", "keep_query",
)  # fmt: skip
api = Blueprint("api", __name__, url_prefix="/api")


@api.get("/health")
def health():
    require_known(request.args, ())
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
    require_known(request.args, (), "field of the address")
    require_known(request.files, ("image",), "file")
    if "image" in asked:
        raise BadRequest("image must be a picture's file, in a form")
    require_known(asked, ("image", *FIELDS))
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
        if "name" in asked:
            raise BadRequest("image and name are both there: which of them?")
        return request.files["image"].read()
    name = text_of(asked, "name", 4096)
    number = index.number_of(name) if name else None
    if number is None:
        raise BadRequest(f"no picture {name!r} here" if name else "needs an image file or a name")
    return index.read(number)
