"""Apart: do a piece of work in another process, which ends with it, and take over what it gave.

For reading a project: whatever was read beyond what this process keeps has then never been in its memory, and nothing
is left of the work but its result. A process with one thread forks, which costs nothing; any other begins a new
interpreter, since a fork would copy locks that other threads hold.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TypeVar, cast

from app.settings import StartError
from schema.errors import LoadError, LoadErrors

T = TypeVar("T")
_BEGIN = "import sys; sys.path[:] = {path!r}; from app.apart import main; main()"


def apart(work: Callable[[], T]) -> T:
    """What ``work`` gives, which can be pickled, as ``work`` itself can be. Raises LoadErrors and StartError as it
    does; for anything else RuntimeError, and then its traceback stands on standard error."""
    given = _forked(work) if threading.active_count() == 1 else _begun(work)
    if not given:
        raise RuntimeError("the process that should read the project has failed")
    kind, value = pickle.loads(given)
    if kind == "load":
        raise LoadErrors(cast(list[LoadError], value))
    if kind == "start":
        raise StartError(str(value))
    return cast(T, value)


def main() -> None:
    """In a new interpreter: the work comes in, its result goes out."""
    work = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(_answer(work))


def _answer(work: Callable[[], object]) -> bytes:
    try:
        answer: tuple[str, object] = ("made", work())
    except LoadErrors as errors:
        answer = ("load", errors.errors)
    except StartError as error:
        answer = ("start", str(error))
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


def _forked(work: Callable[[], object]) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(_answer(work))
        except BaseException:  # noqa: BLE001 - the process ends here: its operator sees why
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)  # never back into the parent's frames, nor through its exit handlers
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        given = pipe.read()
    os.waitpid(child, 0)
    return given


def _begun(work: Callable[[], object]) -> bytes:
    command = [sys.executable, "-c", _BEGIN.format(path=sys.path)]
    done = subprocess.run(command, input=pickle.dumps(work), stdout=subprocess.PIPE, check=False)
    return done.stdout if done.returncode == 0 else b""
