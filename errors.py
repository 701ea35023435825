"""Errors a user can mend: bad data, flags, files. Everything else keeps its traceback."""

import errno
import sys

# A full or unwritable disk; OSError's own message names the file.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


class InputError(Exception):
    """Wrong or missing input: the message names the file, line, flag or image."""

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code


def run_main(main):
    """Runs main(argv); an InputError becomes one line on stderr and its exit code."""
    try:
        sys.exit(main(sys.argv[1:]))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
