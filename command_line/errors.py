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


def refusal(error):
    """The reason with which a disk refuses, in the words of the system, else None."""
    if isinstance(error, OSError):
        return error.strerror if error.errno in DISK else None
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and isinstance(error, tensorflow.errors.OpError):
        # {{function_node ...}} <some temporary file>; No space left on device [Op:SaveV2]
        return error.message.rpartition("; ")[2].partition(" [Op:")[0]
    return None


def run_main(main):
    """Runs main(argv); an InputError or a refusing disk becomes one line on stderr."""
    start_tensorflow()
    try:
        code = main(sys.argv[1:])
        if sys.stdout:
            sys.stdout.flush()  # left to Python, a full disk would be an "exception ignored"
        sys.exit(code)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, OSError) and error.errno in DISK:
            where = "" if error.filename else stdout_refused()
            print(f"error: {where}{error}", file=sys.stderr)
        else:
            traceback.print_exc()
        # Left to Python, the traceback would keep a tf.data pipeline alive until the interpreter
        # shuts down, and there its threads, which load images in Python, wait for ever.
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


def stdout_refused():
    """Names standard output where the disk refuses a line of it, and drops it; else ""."""
    try:
        print(flush=True)
        return ""
    except OSError:
        sys.stdout = None
        return "standard output: "
