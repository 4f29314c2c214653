"""The stub's reading of its configuration: what it takes, TOML takes as well and means the same by it."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import tomllib

import pytest

from polydoor.hosting.keys import KEYS
from support import cbuild

sys.path.append(str(cbuild.ROOT / "fuzz"))
import handmade

GOOD = 'app = "shop:app"\npython = "/python"\ndirectory = "/srv"\n'
MUTATIONS = 4000


@pytest.fixture(scope="module")
def read():
    """Gives the stub documents; for each its values, or what is wrong."""
    needed = [cbuild.ROOT / "core" / f"{name}.c" for name in ("cmd/config", "base/notice", "base/sys")]
    program = cbuild.build("stub_config", [cbuild.ROOT / "tests" / "core" / "stub_config.c", *needed])

    def ask(documents):
        data = b"".join(struct.pack("=I", len(text)) + text for text in documents)
        done = subprocess.run([program], input=data, capture_output=True, check=True)
        return [answer.decode().removesuffix("\n") for answer in done.stdout.split(b"\x1e")[:-1]]

    return ask


def expected(text):
    """The same lines from what TOML and the table of keys say."""
    found = tomllib.loads(text.decode())
    lines = ["ok"]
    for row in KEYS:
        value = found.pop(row.key, row.default)
        lines.append("\x1f".join(value) if isinstance(value, (list, tuple)) else str(value))
    assert found == {}
    return "\n".join(lines)


def mutated(chosen, text):
    data = bytearray(text)
    for _ in range(chosen.randrange(1, 3)):
        at = chosen.randrange(len(data) + 1)
        kind = chosen.randrange(3)
        if kind == 0:
            data[at:at] = chosen.choice(
                [b'"', b"\\", b"#", b",", b"[", b"]", b"=", b"0", b"\n", b"\r\n", b"\t", b"\xc3\xa4", b"\xe4"]
            )
        elif kind == 1:
            del data[at : at + chosen.randrange(1, 3)]
        else:
            data[at:at] = data[at : at + chosen.randrange(1, 12)]
    return bytes(data)


def test_what_it_takes_toml_takes_and_means_the_same_by_it(read):
    chosen = random.Random(7)
    texts = [GOOD.encode() + text.encode(errors="surrogateescape") for text in handmade.CONFIGURATIONS]
    good = [text for text, answer in zip(texts, read(texts), strict=True) if answer.startswith("ok\n")]
    texts += [mutated(chosen, chosen.choice(good)) for _ in range(MUTATIONS)]
    taken = [(text, answer) for text, answer in zip(texts, read(texts), strict=True) if answer.startswith("ok\n")]
    assert len(taken) > MUTATIONS // 40
    for text, answer in taken:
        assert answer == expected(text), text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('app = "again"', "file:4: app is given twice"),
        ("patience = 0", "file:4: patience needs a whole number from 1 to 3600"),
        ("patience = 010", "file:4: patience needs a whole number from 1 to 3600"),
        ('patience = "1"', "file:4: patience needs a whole number from 1 to 3600"),
        ('state = "relative"', "file:4: state needs an absolute path, which begins with a slash"),
        ("state = 'x'", "file:4: state needs a string in double quotes"),
        ('log = "/a\\n"', "file:4: log needs a string in double quotes"),
        ('options = "-t"', 'file:4: options needs an array of strings, as in ["-t", "2"]'),
        ('options = ["a" "b"]', "file:4: options needs an array of strings on one line"),
        ('environment = ["A"]', 'file:4: environment needs strings such as "NAME=value"'),
        ("busy_page = 1", "file:4: unknown key busy_page\nMeant may be: busy-page"),
        ("colour = 1", "file:4: unknown key colour\nTake it out."),
        ("[shop]", "file:4: a line is no `key = value`"),
        ("backlog = 1 2", "file:4: backlog is followed by something else"),
        ('log = "/\x01"', "file:4: a line holds control characters, or is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(read, line, told):
    (answer,) = read([f"{GOOD}{line}\n".encode()])
    assert answer.startswith(f"bad: PD0790: {told}")


def test_a_byte_order_mark_is_named(read):
    (answer,) = read([b"\xef\xbb\xbf" + GOOD.encode()])
    assert answer == "bad: PD0790: file:1: the file begins with a byte order mark\nSave it as UTF-8 without one."


def test_what_must_be_there(read):
    answers = read([b"", b'app = "a"\n', b'app = "a"\npython = "/p"\n'])
    assert [answer.partition(" is missing")[0].rpartition(" ")[2] for answer in answers] == [
        "app",
        "python",
        "directory",
    ]
