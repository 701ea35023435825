"""Fields of a request: each of its type; whatever else is sent is refused by its name."""

import re
from difflib import get_close_matches

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest


def require_known(asked, known, what="field"):
    """Raises BadRequest for a name that is not in `known`, telling the nearest, or that is there
    twice. asked: a form's or an address's MultiDict, or a JSON object; known: names, with * at the
    end of those that may be there often."""
    names = [name.rstrip("*") for name in known]
    for name in asked:
        if name not in names:
            near = get_close_matches(name.lower(), names, 1, cutoff=0.5)
            there = f"nearest: {near[0]}" if near else f"known: {', '.join(names) or 'none'}"
            raise BadRequest(f"no {what} {name[:80]!r}; {there}")
        if name in known and isinstance(asked, MultiDict) and len(asked.getlist(name)) > 1:
            raise BadRequest(f"{name} is there twice")


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
        if isinstance(asked, MultiDict) and re.fullmatch(r"[-+.eE\d]+", value, re.ASCII):
            value = kind(value)
        if type(value) not in (int, kind) or not least <= value <= most:
            raise ValueError
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise BadRequest(f"{name} must be {what} from {least} to {most:g}") from None
    return value


def switch_of(asked, name):
    value = asked.get(name, False)
    if isinstance(value, str) and isinstance(asked, MultiDict):
        value = {"true": True, "false": False}.get(value)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false")
    return value
