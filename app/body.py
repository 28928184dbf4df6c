"""The body of an answer, unpacked and capped: no gzip bomb gets past `most` bytes.

One 64 KiB gzip chunk may grow to 67 MB at once, so the cap is given to zlib itself
(facts/sources.md section 11, read 2026-11-21).
"""

import zlib

UNPACKED = "gzip, deflate"
"""What we can unpack, as an Accept-Encoding header."""

_ANY_WRAPPER = 47  # zlib: gzip or zlib, found out by itself
_BARE = -15  # deflate without a wrapper, as some servers send it


class Garbled(Exception):
    """The body is packed in a way we did not ask for, or is broken."""


class Body:
    """Collects the chunks of one answer. `encoding` is its Content-Encoding header."""

    def __init__(self, encoding: str, most: int) -> None:
        packed = [word.strip().lower() for word in encoding.split(",")]
        packed = [word for word in packed if word not in {"", "identity"}]
        if packed not in ([], ["gzip"], ["x-gzip"], ["deflate"]):
            raise Garbled("an encoding that we did not ask for")
        self._zip = zlib.decompressobj(_ANY_WRAPPER) if packed else None
        self._may_be_bare = packed == ["deflate"]
        self._has_ended = False  # once: what follows is another part of gzip, or padding
        self._most = most
        self._got = bytearray()

    @property
    def content(self) -> bytes:
        """Return what was collected, at most `most` bytes."""
        return bytes(self._got[: self._most])

    @property
    def is_cut(self) -> bool:
        """Tell whether there was more than `most` bytes: further chunks are then pointless."""
        return len(self._got) > self._most

    def add(self, chunk: bytes) -> None:
        """Take one chunk as it came. Raises Garbled."""
        room = self._most + 1 - len(self._got)
        if room > 0:
            self._got += chunk[:room] if self._zip is None else self._unpacked(chunk, room)

    def _unpacked(self, chunk: bytes, room: int) -> bytes:
        plain = bytearray()
        while chunk and len(plain) < room:
            plain += self._inflated(chunk, room - len(plain))
            assert self._zip is not None
            chunk = self._zip.unused_data
            if self._zip.eof:
                self._has_ended = True
                self._zip = zlib.decompressobj(_ANY_WRAPPER)
        return bytes(plain)

    def _inflated(self, chunk: bytes, room: int) -> bytes:
        assert self._zip is not None
        may_be_bare, self._may_be_bare = self._may_be_bare, False
        try:
            return self._zip.decompress(chunk, room)
        except zlib.error as exc:
            if self._has_ended:
                return b""
            if not may_be_bare:
                raise Garbled("a body that cannot be unpacked") from exc
        self._zip = zlib.decompressobj(_BARE)
        return self._inflated(chunk, room)
