"""Request bodies as gunicorn reads them, with fewer copies of each byte.

gunicorn's readers put what they receive into a buffer, and what is left of it into the next one:
for the bytes of layers that took more time than to hash them. These join what was received once.
"""

from __future__ import annotations

import io

from gunicorn.http import body, unreader

#: What one read of a body of known length receives at most, whatever it asks for.
STEP_BYTES = 1024 * 1024


class Receiver(unreader.SocketUnreader):
    """What a connection sends; a read of some size receives no more than that."""

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """Give ``size`` bytes, fewer only at the end; without a size, what comes next."""
        held = self.buf.seek(0, io.SEEK_END)
        if size is None or size <= held:
            return super().read(size, read_ahead)  # type: ignore[call-arg]
        parts = [self.take_buffered()] if held else []
        missing = size - held
        while missing and (part := self.sock.recv(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class Body(body.Body):
    """The body of one request."""

    def read(self, size: int | None = None) -> bytes:
        """Give ``size`` bytes, fewer only at the end.

        What came before an error is given by the next read.
        """
        missing = self.getsize(size)
        parts = []
        if self.buf.tell():
            parts, self.buf = [self.buf.getvalue()], io.BytesIO()
            missing -= len(parts[0])
        try:
            while missing > 0 and (part := self._receive(missing)):
                parts.append(part)
                missing -= len(part)
        except BaseException:
            self.failed = True
            self.buf.write(b"".join(parts))
            raise
        if missing < 0:
            last = parts.pop()
            parts.append(last[:missing])
            self.buf.write(last[missing:])
        return b"".join(parts)

    def _receive(self, missing: int) -> bytes:
        """Give the next bytes, of chunks perhaps more than are missing; none at the end."""
        if not isinstance(self.reader, body.ChunkedReader):
            return self.reader.read(min(missing, STEP_BYTES))
        return next(filter(None, self.reader.parser or ()), b"")
