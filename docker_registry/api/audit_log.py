"""Lines of the audit: what each looks like, and where they go.

Whoever sends a request chooses much of what is in it. So nothing of that can end a line or look
like another field: what isn't plain is written as JSON does, in ASCII. Lines are so short that each
is one write: workers that append to one file don't mix theirs (write(2), O_APPEND; pipe(7)).
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path

from docker_registry.config import Settings
from docker_registry.errors import ConfigError

log = logging.getLogger("docker_registry.audit")

#: What ``audit.file`` says for standard output.
STDOUT = "-"

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+,*-]+")
#: Characters of a field that are written: of most, and of those that have to hold more.
_LENGTH, _LENGTHS = 128, {"repository": 255, "digest": 135, "request": 200, "tags": 512}


#: What a field holds: text, or a number, such as the status of an answer.
Field = str | int


def write(event: str, fields: Mapping[str, Field | None]) -> None:
    """Write a line.

    :param fields: those that are ``None`` are left out; what is too long is cut.
    """
    said = {
        name: value if isinstance(value, int) else value[: _LENGTHS.get(name, _LENGTH)]
        for name, value in fields.items()
        if value is not None
    }
    log.info("%s", event, extra={"audit": {"event": event, **said}})


def open_log(settings: Settings) -> None:
    """Send the lines of this process where the settings say. Raises ``ConfigError``.

    A file may be renamed by others, to rotate it: a new one is begun then.
    """
    handler = _handler(settings.audit.file)
    handler.setFormatter(_Line(json.dumps if settings.audit.format == "json" else _text))
    for earlier in log.handlers:
        earlier.close()
    log.handlers = [handler]
    log.propagate = False
    # Whatever else is logged: the least important message is of no matter here.
    log.setLevel(logging.INFO)


def check_log(settings: Settings) -> None:
    """Find out whether there can be such lines, without beginning a file. Raises ``ConfigError``.

    A file that another user than that of the workers has begun would be of no use to them.
    """
    file = settings.audit.file
    if file == STDOUT:
        return
    path = Path(file)
    needed = path if os.path.lexists(path) else path.parent
    try:
        needed.stat()
        if not os.access(needed, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(file, error) from error


def _handler(file: str) -> logging.Handler:
    if file == STDOUT:
        return logging.StreamHandler(sys.stdout)
    try:
        # Who was here, and from where, is not for everybody's eyes.
        os.close(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640))
        return WatchedFileHandler(file, encoding="ascii")
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"audit.file (AUDIT_FILE) is {file!r}, which can't be written ({error.strerror}): name "
        f"a file in a directory that the workers' user may write to, or {STDOUT} for standard "
        "output"
    )


class _Line(logging.Formatter):
    """Writes a record as a line.

    :param form: makes a line of the names and values of fields.
    """

    def __init__(self, form: Callable[[Mapping[str, Field]], str]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC)
        time = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._form({"time": time, **getattr(record, "audit", {"event": record.msg})})


def _text(fields: Mapping[str, Field]) -> str:
    return " ".join(f"{name}={_quote(str(value))}" for name, value in fields.items())


def _quote(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)
