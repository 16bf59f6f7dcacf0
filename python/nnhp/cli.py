"""The command ``nnhp`` as a process: its exit codes, its streams, and what ends it."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

_FAILED = 1
_INTERRUPTED = 130
_TERMINATED = 143
_NO_READER = 141  # as of a process that SIGPIPE ends


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments; None is those of the process.

    Returns
    -------
    code : int
        0; 1 if something outside failed, as a full disk; 130 after Ctrl-C; 141 if nobody reads
        the output; 143 after SIGTERM.

    Raises
    ------
    SystemExit
        With code 2 for bad usage or unusable data, after one line on the standard error; with
        code 0 after help or version.

    Examples
    --------
    >>> from nnhp.cli import main
    >>> main(["versions"])  # doctest: +SKIP
    """
    given = sys.argv[1:] if argv is None else list(argv)
    loading = _ctrl_c_ends_the_process() if argv is None else contextlib.nullcontext()
    try:
        try:
            with loading:
                from nnhp import _command

                arguments, doing = _command.parse(given)
            if argv is None:
                _let_sigterm_end_it_in_order()
            code = _command.run(given, arguments, doing)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt as end:
        code = _TERMINATED if isinstance(end, _Terminated) else _INTERRUPTED
        if argv is None:
            os._exit(code)  # taking all modules down would take longer than stopping
        return code
    except BrokenPipeError:
        _let_go_of_output()
        return _NO_READER
    except OSError as error:
        _let_go_of_output()
        print(f"nnhp: error: cannot write the output: {error.strerror}", file=sys.stderr)
        return _FAILED
    return code


@contextlib.contextmanager
def _ctrl_c_ends_the_process() -> Iterator[None]:
    """For imports, where KeyboardInterrupt may be lost, or come out as another error."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: all ends as after Ctrl-C, a study with what was done."""


def _let_sigterm_end_it_in_order() -> None:
    def terminate(*_: object) -> None:
        raise _Terminated

    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if usual and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminate)


def _let_go_of_output() -> None:
    """Have what is still buffered go nowhere, so that the end of the process does not trip."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)
