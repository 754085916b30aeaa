from __future__ import annotations

import gzip
import lzma
import os
import tracemalloc

import pytest
from backports import zstd

from docker_registry.errors import LayerInvalid, Unavailable
from docker_registry.legacy.compression import MEMORY_BYTES, Compression, decompress, detect, peek
from tests.unit.legacy.tars import COMPRESS

MIB = 1024 * 1024
DATA = os.urandom(3000) + bytes(2 * MIB) + b"end"

each = pytest.mark.parametrize("name", COMPRESS)
packed = pytest.mark.parametrize("name", [name for name in COMPRESS if name != "plain"])


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@each
@pytest.mark.parametrize("size", [1, 7, 1000, 10 * MIB])
def test_any_chunks_come_back(name, size):
    data = DATA if size > 100 else DATA[:4000]
    chunks = cut(COMPRESS[name](data), size)
    assert detect(b"".join(chunks)[:6]) == name
    assert b"".join(decompress(chunks)) == data


@each
def test_peeking_loses_nothing(name):
    data = COMPRESS[name](b"x" * 100)
    for chunks in ([data], cut(data, 1), [b"", data]):
        compression, coming = peek(chunks)
        assert (compression, b"".join(coming)) == (Compression(name), data)


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_nothing(chunks):
    assert list(decompress(chunks)) == []


@packed
@pytest.mark.parametrize("size", [1, 10_000])
def test_streams_behind_one_another_are_one(name, size):
    pack = COMPRESS[name]
    joined = pack(b"one") + pack(b"") + pack(b"two" * 1000)
    assert b"".join(decompress(cut(joined, size))) == b"one" + b"two" * 1000
    padded = pack(b"one") + bytes(8) + pack(b"two") + bytes(512)
    assert b"".join(decompress(cut(padded, size))) == b"onetwo"


def test_skippable_frames_of_zstd():
    skipped = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    data = skipped + zstd.compress(b"data") + skipped
    assert b"".join(decompress(cut(data, 3))) == b"data"


@packed
def test_what_is_cut_off(name):
    data = COMPRESS[name](DATA)
    for end in (7, len(data) // 2, len(data) - 1):
        with pytest.raises(LayerInvalid, match=r"Layer format not supported: .*cut off"):
            list(decompress([data[:end]]))


@packed
def test_garbage_behind(name):
    with pytest.raises(LayerInvalid, match="damaged"):
        list(decompress([COMPRESS[name](b"data"), b"much garbage"]))


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_flipped_bit(name):
    data = bytearray(COMPRESS[name](os.urandom(10_000)))
    data[5000] ^= 1
    with pytest.raises(LayerInvalid):
        list(decompress([bytes(data)]))


@each
def test_more_than_the_limit(name):
    data = COMPRESS[name](bytes(5000))
    assert sum(map(len, decompress([data], limit=5000))) == 5000
    with pytest.raises(LayerInvalid, match="more than 4999 bytes"):
        list(decompress([data], limit=4999))


@packed
def test_a_bomb_takes_little_memory(name):
    bomb = COMPRESS[name](bytes(40 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(LayerInvalid, match="more than"):
            for piece in decompress([bomb], limit=32 * MIB):
                assert len(piece) <= MIB
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB


def test_windows_that_need_much_memory():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2 * MEMORY_BYTES}]
    with pytest.raises(LayerInvalid, match="xz data is damaged"):
        list(decompress([lzma.compress(b"x", filters=filters)]))
    # A frame header: a window of 2 GiB.
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    with pytest.raises(LayerInvalid, match="zstd data is damaged"):
        list(decompress([frame]))


@each
def test_errors_of_the_source_pass_through(name):
    def broken():
        yield COMPRESS[name](DATA)[:50]
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        list(decompress(broken()))


def test_what_comes_is_given_at_once():
    pack = gzip.compress(b"first")

    def chunks():
        yield pack
        pytest.fail("read on before the first piece was taken")

    assert next(decompress(chunks())) == b"first"
