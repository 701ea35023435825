"""The path of pictures and sentences that a page's address holds: ?p=12&t=is red&p=57&t=shorter."""

from typing import NamedTuple
from urllib.parse import urlencode

from flask import request
from werkzeug.exceptions import BadRequest

LONGEST = 50  # steps


class Step(NamedTuple):
    """picture: the number of one of the catalogue, or the name of an upload; text may be ""."""

    picture: str
    text: str


def read_trail(args):
    """A request's arguments -> [Step]. Raises BadRequest for an address that holds no path."""
    pictures, texts = args.getlist("p"), args.getlist("t")
    if len(pictures) != len(texts) or len(pictures) > LONGEST:
        raise BadRequest("This address holds no search: begin anew below.")
    return [Step(picture, text.strip()) for picture, text in zip(pictures, texts, strict=True)]


def address(steps, **more):
    """The page's address, of the LONGEST last Steps; more: further arguments, those not empty."""
    pairs = [pair for step in steps[-LONGEST:] for pair in (("p", step.picture), ("t", step.text))]
    pairs += [(name, value) for name, value in more.items() if value]
    return f"{request.script_root}/{'?' if pairs else ''}{urlencode(pairs)}"
