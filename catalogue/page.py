"""The page: pick or bring a picture, say what should differ, go on from an answer.

Its address holds the whole path (trail.py); it works without JavaScript."""

import io
import re
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, jsonify, redirect, render_template, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, SecurityError

from catalogue.answers import notes
from catalogue.api import MOST_RESULTS, api
from catalogue.database import Unavailable
from catalogue.fields import number_of, require_known, text_of
from catalogue.listing import MOST_SHOWN, SHOWN, Beginning, Listing, beginning
from catalogue.search import LONGEST_TEXT, require_folder
from catalogue.service import SearchService, service
from catalogue.table import sentences
from catalogue.trail import LONGEST, Step, address, read_trail
from command_line.errors import InputError

MOST_UPLOAD = 10 * 2**20  # bytes
MOST_PLACES = 10**9  # at which a page may begin
ARGUMENTS = ("p*", "t*", "words", "within", "n", "from", "chosen")
THUMBNAIL = 320  # pixels
CHANGED = "This picture's file has changed since it was indexed; the answer is for it as it is."
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # else a form's Origin is null
    "Cross-Origin-Resource-Policy": "same-origin",
}


class InMemory(Request):
    """A request whose files never touch the disk."""

    def _get_file_stream(self, *description, **more):
        return io.BytesIO()


def make_app(searcher, hosts, feedback=None, origins=()):
    """The page and the API over a Searcher, for requests whose Host, without its port, is one of
    `hosts`. feedback: the Feedback that takes what people choose; origins: of other pages that may
    read the API's answers."""
    app = Flask(__name__)
    app.request_class = InMemory
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_UPLOAD, MAX_FORM_MEMORY_SIZE=100_000, MAX_FORM_PARTS=100
    )

    @app.before_request
    def require_host():  # Flask's TRUSTED_HOSTS takes no IPv6 address, and no upper case
        if host_of(request.headers.get("Host", "")) not in hosts:
            raise SecurityError

    app.service, app.feedback = SearchService(searcher), feedback
    app.hosts, app.origins = hosts, origins
    app.register_blueprint(api)
    app.add_url_rule("/", view_func=show_page)
    app.add_url_rule("/upload", view_func=take_upload, methods=["POST"])
    app.add_url_rule("/picture/<name>", view_func=show_picture)
    app.add_url_rule("/api/", view_func=show_api)
    if feedback:
        app.add_url_rule("/chosen", view_func=take_choice, methods=["POST"])
    app.register_error_handler(Exception, failed)
    app.after_request(add_headers)
    return app


def host_of(address):
    return re.sub(r":\d+$", "", address.lower())


def add_headers(response):
    response.headers.update(HEADERS)
    if current_app.origins:
        response.vary.add("Origin")
        origin, readable = request.headers.get("Origin"), ("/api/", "/picture/")
        if origin in current_app.origins and request.path.startswith(readable):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    return response


def read_steps():
    require_known(request.args, ARGUMENTS)
    steps = read_trail(request.args)
    if any(len(step.text) > LONGEST_TEXT for step in steps):
        raise BadRequest(f"Please say it in at most {LONGEST_TEXT} characters.")
    return steps


def read_part(steps):
    """Of the address -> Listing. Raises InputError for a folder that isn't there."""
    shown = number_of(request.args, "n", int, SHOWN, 1, MOST_SHOWN)
    first = number_of(request.args, "from", int, 0, 0, MOST_PLACES)
    words = text_of(request.args, "words", LONGEST_TEXT).strip()
    if steps and words:
        raise BadRequest("words are to begin with; here a picture is chosen")
    # A form sends the line ends of a folder's name as CR LF.
    within = text_of(request.args, "within", 4096).replace("\r\n", "\n")
    part = Listing(require_folder(service().index, within), first, shown, words)
    if steps and part.skip + part.shown > MOST_RESULTS:
        raise BadRequest(f"Only the nearest {MOST_RESULTS} pictures are shown.")
    return part


def show_page():
    """Pictures to begin with, or the answer to the last step of the path in the address."""
    steps, part = read_steps(), None
    try:
        part = read_part(steps)
        return answer(steps, part) if steps else render(200, part)
    except Unavailable:
        raise
    except InputError as error:
        if steps and part is None:  # another folder can be chosen
            return render(400, None, steps, [], message=str(error))
        return render(400, part and part._replace(words=""), message=str(error))


def answer(steps, part, status=200, **said):
    """The page of a path's last step. said: message."""
    here, now, within = service(), steps[-1], part.within
    found = here.find(
        here.content(now.picture), text=now.text, top=part.shown, skip=part.skip,
        within=within, hide_copies=True,
    )  # fmt: skip
    number = here.number(now.picture)
    further = part.further()
    more = found.more and further.skip + further.shown <= MOST_RESULTS
    text = corrected(now.text, found.unknown)
    instead = address([*steps[:-1], now._replace(text=text)], within=within)
    lines = [CHANGED] if number is not None and here.index.has_changed(number) else []
    lines += notes(found)
    if len(steps) == LONGEST:
        lines.append(f"The path above holds the latest {LONGEST} steps.")
    chosen, choose = here.number(request.args.get("chosen", "")), ""
    if current_app.feedback and now.text and number is not None:
        choose = f"{request.script_root}/chosen?{part.address(steps).partition('?')[2]}"
        if chosen is not None and not said:
            lines.append(f"Written down: {here.index.name_of(chosen)} is it. Thank you.")
    return render(
        status, part, steps, found.results, further.address(steps) if more else "", notes=lines,
        corrected=(text, instead) if text != now.text else None, choose=choose, **said,
    )  # fmt: skip


def take_choice():
    """Someone says which picture is the one asked for -> the same page, once that is written."""
    origin = request.headers.get("Origin")
    if origin is not None and host_of(urlsplit(origin).netloc) not in current_app.hosts:
        raise BadRequest("a choice has to come from this page")
    require_known(request.form, ("target",))
    steps, here = read_steps(), service()
    part, target = read_part(steps), here.number(text_of(request.form, "target"))
    reference = here.number(steps[-1].picture) if steps and steps[-1].text else None
    if None in (reference, target) or reference == target:
        raise BadRequest("a choice is of an answer to a sentence about a picture of the catalogue")
    try:
        names = (here.index.name_of(number) for number in (reference, target))
        current_app.feedback.add(*names, steps[-1].text)
    except InputError as error:
        return answer(steps, part, 400, message=f"Not written down: {error}.")
    except OSError as error:
        current_app.logger.error("%s: %s", current_app.feedback.path, error.strerror)
        return answer(steps, part, 503, message=f"Not written down: {error.strerror}.")
    return redirect(part.address(steps, chosen=target), 303)


def corrected(text, unknown):
    """The text with the nearest known word for each unknown one that has such."""
    for word, near in unknown.items():
        text = re.sub(rf"(?i)\b{re.escape(word)}\b", near or word, text)
    return text


def render(status, part=None, steps=(), cards=None, more="", **said):
    """-> (page, status). said: of message, notes, corrected, choose, what the template shows."""
    here, part = service(), part or Listing()
    index, within, table = here.index, part.within, here.index.about.get("table")
    begin = beginning(index, part) if cards is None else Beginning(cards, more)
    trail = [
        (step, here.name(step.picture), address(steps[: place + 1], within=within))
        for place, step in enumerate(steps)
    ]
    before, picture = (steps[:-1], steps[-1].picture) if steps else ((), "")

    def linked(texts):
        return [(text, address([*before, Step(picture, text)], within=within)) for text in texts]

    def link_to(number):
        return address([*steps, Step(str(number), "")], within=within)

    number = here.number(picture) if table else None
    changes = index.changes_of(number) if number is not None else ()
    asked = sentences(changes, table, here.searcher.known) if changes else []
    return render_template(
        "page.html", trail=trail, before=before, examples=linked(index.about["examples"]),
        asked=[(column, linked(texts)) for column, texts in asked],
        columns=table["columns"] if table else (), begin=begin, cards=begin.cards, part=part,
        link_to=link_to,
        said=index.said_of([number]).get(number) if number is not None else {},
        within=within, folders=index.folders, images=len(index), has_words=index.has_words,
        longest=LONGEST_TEXT, root=request.script_root, **said,
    ), status  # fmt: skip


def take_upload():
    """A picture that someone brought -> the address of its answer."""
    require_known(request.form, ("text",))
    require_known(request.files, ("image",), "file")
    text = text_of(request.form, "text", LONGEST_TEXT)
    file = request.files.get("image")
    content = file.read() if file else b""
    if not content:
        return render(400, message="No picture came with that: choose a file first.")
    here = service()
    try:
        here.thumbnail(content, THUMBNAIL)
    except InputError as error:
        return render(400, message=(
            f"That file is no picture that can be read here ({error}). JPEG, PNG, WebP, GIF and "
            f"BMP can, up to 10 MB and {here.searcher.most_megapixels} megapixels."
        ))  # fmt: skip
    name = here.uploads.keep(content)
    return redirect(address([Step(name, text)]), 303)


def show_picture(name):
    """A thumbnail of an image of the index, by its number, or of an upload."""
    here = service()
    picture = here.thumbnail(here.content(name), THUMBNAIL)
    headers = {"Cache-Control": "private, max-age=60"}
    return Response(picture, headers=headers, mimetype="image/jpeg")


def show_api():
    pixels = service().searcher.most_megapixels
    return render_template("api.html", megapixels=pixels, root=request.script_root)


def failed(error):
    """Whatever went wrong, in a sentence that tells nothing of the machine."""
    if isinstance(error, SecurityError):  # another Host: it learns nothing of the catalogue
        return Response("This host is not served here.", 400, mimetype="text/plain")
    status, message = 500, "Something went wrong here; it was noted."
    down = isinstance(error, Unavailable)  # no page can be made
    if isinstance(error, RequestEntityTooLarge):
        status, message = 413, "That is too large: at most 10 MB."
    elif down:
        status, message = 503, "The catalogue's database does not answer; try again."
        current_app.logger.error("%s", error)
    elif isinstance(error, HTTPException):
        status, message = error.code, error.description
    elif isinstance(error, InputError):
        status, message = 404 if request.path.startswith("/picture/") else 400, str(error)
    else:
        current_app.logger.exception("failed: %s", request.path)
    if request.path.startswith("/api/"):
        return jsonify(error=message), status
    if request.path.startswith("/picture/") or status == 500 or down:
        return Response(message, status, mimetype="text/plain")
    return render(status, message=message)
