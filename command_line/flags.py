"""Flags of all commands: --name=value, booleans as True or False."""

import argparse
import difflib

from command_line.errors import InputError


class Flags(argparse.ArgumentParser):
    """Whatever is wrong with a flag is an InputError of one line, exit code 2.

    description: a module's docstring, whose first paragraph --help shows. bare: flags may also
    stand as `--name value` or without a value; else scripts can find one of them in "$@"."""

    def __init__(self, description, bare=False):
        super().__init__(description=description.split("\n\n")[0], allow_abbrev=False)
        self.bare = bare

    def parse_known_args(self, argv, namespace=None):
        for argument in [] if self.bare else argv:
            if not argument.startswith("--") or ("=" not in argument and argument != "--help"):
                shown = argument.partition("://")[0]  # an address may hold a password
                self.error(f"{shown}: flags have the form --name=value")
        return super().parse_known_args(argv, namespace)

    def parse_args(self, argv):
        flags, unknown = self.parse_known_args(argv)
        for argument in unknown:
            name = argument.split("=")[0]
            near = difflib.get_close_matches(name, self._option_string_actions, 1, cutoff=0.5)
            self.error(f"{name}: no such flag{'; nearest: ' + near[0] if near else ''}")
        return flags

    def error(self, message):
        raise InputError(message.removeprefix("argument "), 2)


def boolean(text):
    """True or False as the published flags take them."""
    if text not in ("True", "False"):
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False")
    return text == "True"
