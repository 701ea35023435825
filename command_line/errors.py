"""Errors a user can mend: bad data, flags, files. Everything else keeps its traceback."""

import errno
import sys
import traceback

from command_line.tensorflow_start import start_tensorflow

# A full or unwritable disk, a path that can't be; OSError's own message names the file.
DISK = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG,
    errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
)  # fmt: skip


class InputError(Exception):
    """Wrong or missing input: the message names the file, line, flag or image."""

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code


def run_main(main):
    """Runs main(argv); an InputError or a refusing disk becomes one line on stderr."""
    start_tensorflow()
    try:
        sys.exit(main(sys.argv[1:]))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, OSError) and error.errno in DISK:
            print(f"error: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        # Left to Python, the traceback would keep a tf.data pipeline alive until the interpreter
        # shuts down, and there its threads, which load images in Python, wait for ever.
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
