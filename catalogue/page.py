"""The page: pick or bring a picture, say what should differ, go on from an answer.

Its address holds the whole path (trail.py); it works without JavaScript."""

import io
import re
from typing import NamedTuple

import numpy as np
from flask import Flask, Request, Response, current_app, jsonify, redirect, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError

from catalogue.answers import notes
from catalogue.api import MOST_RESULTS, api
from catalogue.database import Unavailable
from catalogue.fields import number_of, require_known, text_of
from catalogue.search import LONGEST_TEXT, require_folder
from catalogue.service import SearchService, service
from catalogue.trail import LONGEST, Step, address, read_trail
from command_line.errors import InputError

MOST_UPLOAD = 10 * 2**20  # bytes
SHOWN, MOST_SHOWN = 24, 240  # pictures on a page
MOST_PLACES = 10**9  # at which a page may begin
ARGUMENTS = ("p*", "t*", "within", "n", "from")
THUMBNAIL = 320  # pixels
CHANGED = "This picture's file has changed since it was indexed; the answer is for it as it is."
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class InMemory(Request):
    """A request whose files never touch the disk."""

    def _get_file_stream(self, *description, **more):
        return io.BytesIO()


class Card(NamedTuple):
    """A picture on the page. link: of the page that goes on from it."""

    picture: str
    name: str
    link: str
    distance: float | None = None
    copies: tuple[str, ...] = ()


class Listing(NamedTuple):
    """Which of a folder's pictures, or of an answer's, a page shows. first: 1 is the nearest or the
    first by name; 0 stands for 1 in an answer, else for a sample of the folder."""

    within: str = ""
    first: int = 0
    shown: int = SHOWN

    @property
    def skip(self):
        return max(self.first, 1) - 1

    def further(self):
        """More pictures on one page, or, where it is full, the next ones."""
        if self.shown < MOST_SHOWN:
            return self._replace(shown=min(self.shown + SHOWN, MOST_SHOWN))
        return self._replace(first=self.skip + 1 + self.shown)

    def address(self, steps=()):
        return address(steps, within=self.within, n=self.shown, **{"from": self.first})


def make_app(searcher, hosts):
    """The page and the API over a Searcher, for requests whose Host, without its port, is one of
    `hosts`."""
    app = Flask(__name__)
    app.request_class = InMemory
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_UPLOAD, MAX_FORM_MEMORY_SIZE=100_000, MAX_FORM_PARTS=100
    )

    @app.before_request
    def require_host():  # Flask's TRUSTED_HOSTS takes no IPv6 address, and no upper case
        if re.sub(r":\d+$", "", request.headers.get("Host", "").lower()) not in hosts:
            raise SecurityError

    app.service = SearchService(searcher)
    app.register_blueprint(api)
    app.add_url_rule("/", view_func=show_page)
    app.add_url_rule("/upload", view_func=take_upload, methods=["POST"])
    app.add_url_rule("/picture/<name>", view_func=show_picture)
    app.add_url_rule("/api/", view_func=show_api)
    app.register_error_handler(Exception, failed)
    app.after_request(add_headers)
    return app


def add_headers(response):
    response.headers.update(HEADERS)
    return response


def show_page():
    """Pictures to begin with, or the answer to the last step of the path in the address."""
    require_known(request.args, ARGUMENTS)
    try:
        steps = read_trail(request.args)
    except ValueError:
        return render(400, message="This address holds no search: begin anew below.")
    # A form sends the line ends of a folder's name as CR LF.
    within = text_of(request.args, "within", 4096).replace("\r\n", "\n")
    try:
        within = require_folder(service().index, within)
    except Unavailable:
        raise
    except InputError as error:
        return render(400, None, steps, [] if steps else None, message=str(error))
    shown = number_of(request.args, "n", int, SHOWN, 1, MOST_SHOWN)
    part = Listing(within, number_of(request.args, "from", int, 0, 0, MOST_PLACES), shown)
    if any(len(step.text) > LONGEST_TEXT for step in steps):
        return render(400, message=f"Please say it in at most {LONGEST_TEXT} characters.")
    if steps and part.skip + part.shown > MOST_RESULTS:
        return render(400, part, message=f"Only the nearest {MOST_RESULTS} pictures are shown.")
    try:
        return answer(steps, part) if steps else render(200, part)
    except Unavailable:
        raise
    except InputError as error:
        return render(400, part, message=str(error))


def answer(steps, part):
    """The page of a path's last step."""
    here, now, within = service(), steps[-1], part.within
    found = here.find(
        here.content(now.picture), text=now.text, top=part.shown, skip=part.skip,
        within=within, hide_copies=True,
    )  # fmt: skip
    cards = [
        Card(str(result.number), result.name, address([*steps, Step(str(result.number), "")],
             within=within), result.distance, result.copies)
        for result in found.results
    ]  # fmt: skip
    number = here.number(now.picture)
    changed = number is not None and here.index.has_changed(number)
    further = part.further()
    more = found.more and further.skip + further.shown <= MOST_RESULTS
    text = corrected(now.text, found.unknown)
    instead = address([*steps[:-1], now._replace(text=text)], within=within)
    said = [CHANGED] if changed else []
    said += notes(found)
    if len(steps) == LONGEST:
        said.append(f"The path above holds the latest {LONGEST} steps.")
    return render(
        200, part, steps, cards, further.address(steps) if more else "", notes=said,
        corrected=(text, instead) if text != now.text else None,
    )  # fmt: skip


def corrected(text, unknown):
    """The text with the nearest known word for each unknown one that has such."""
    for word, near in unknown.items():
        text = re.sub(rf"(?i)\b{re.escape(word)}\b", near or word, text)
    return text


def render(status, part=None, steps=(), cards=None, more="", **said):
    """The template with what it shows -> (page, status). said: message, notes, corrected."""
    index, part, everything = service().index, part or Listing(), ""
    within = part.within
    if cards is None:
        cards, more, everything = beginnings(index, part)
    trail = [
        (step, service().name(step.picture), address(steps[: place + 1], within=within))
        for place, step in enumerate(steps)
    ]
    sayings = index.about["examples"]
    before, picture = (steps[:-1], steps[-1].picture) if steps else ((), "")
    examples = [(text, address([*before, Step(picture, text)], within=within)) for text in sayings]
    return render_template(
        "page.html", trail=trail, before=before, examples=examples, cards=cards, more=more,
        everything=everything, first=part.first, within=within, folders=index.folders,
        images=len(index), longest=LONGEST_TEXT, **said,
    ), status  # fmt: skip


def beginnings(index, part):
    """Pictures of a folder, a sample or one after the other ->
    (cards, address of more, address of all by name)."""
    within, count = part.within, index.size_of(part.within)
    if part.first:
        places = list(range(count)[part.skip : part.skip + part.shown])
        more = part.skip + part.shown < count
    else:
        places = np.unique(np.linspace(0, count - 1, part.shown).astype(int)) if count else []
        more = part.shown < min(count, MOST_SHOWN)
    cards = [
        Card(str(number), index.name_of(number), address([Step(str(number), "")], within=within))
        for number in index.numbers_at(places, within)
    ]
    by_name = not part.first and part.shown < count
    everything = Listing(within, 1, MOST_SHOWN).address() if by_name else ""
    return cards, part.further().address() if more else "", everything


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
    return render_template("api.html", megapixels=service().searcher.most_megapixels)


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
