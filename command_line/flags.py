"""Flags of all commands: --name=value, booleans as True or False."""

import argparse

from command_line.errors import InputError


def boolean(text):
    """True or False as the published flags take them."""
    if text not in ("True", "False"):
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False")
    return text == "True"


def check_flag_form(argv):
    """Flags are --name=value only, so that scripts can find one of them in "$@"."""
    for argument in argv:
        if not argument.startswith("--") or ("=" not in argument and argument != "--help"):
            raise InputError(f"{argument}: flags have the form --name=value", 2)
