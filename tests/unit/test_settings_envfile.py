"""Files of variables, with python-dotenv as the judge of what is well written."""

import io
import re

import dotenv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydoor.errors import ConfigError
from polydoor.settings.envfile import parse_variables, read_variables

GOOD = [
    "",
    "\n\n# only a comment\n   # and another\n",
    "A=b",
    "A=b c # d",
    "A=b#c",
    "A=#c",
    "A= # c",
    "A= #c",
    "A=\t# c",
    "A=",
    "A=  \nB=2",
    "A = 1",
    "  export A=1",
    "export  A = 1\nexport\tB=2",
    "A='x\\n\\'y\\\\'",
    "A='two\nlines'\nB=2",
    'A="x\\ty\\n\\"z\\" \\\\n"',
    'A="two\nlines" # comment\nB=2',
    'A="a\\qb"',
    'A="a#b" #c',
    'A="it\'s"',
    "A=x\r\nB='y\r\nz'\r\n",
    "A=$HOME ${HOME} `id`",
    "A=\"$HOME\"\nB='${HOME}'",
    "A=ä€\nB='ä'",
    "A=x=y=z",
    "A=1\nA=2",
    'A=it\'s\nB=x"y"',
]


def values(text):
    return {name: value for name, value, _ in parse_variables(text, "f")}


@pytest.mark.parametrize("text", GOOD)
def test_well_written_files_mean_what_they_mean_to_python_dotenv(text):
    assert values(text) == dict(dotenv.dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False))


def quoted(text, quote):
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


WRITERS = {
    "single": lambda value: quoted(value, "'"),
    "double": lambda value: quoted(value, '"').replace("\n", "\\n").replace("\t", "\\t"),
}


@given(
    st.dictionaries(
        st.from_regex("[A-Za-z_][A-Za-z0-9_]*", fullmatch=True),
        st.tuples(st.text(st.characters(exclude_characters="\0\r", codec="utf-8")), st.sampled_from(sorted(WRITERS))),
        max_size=4,
    )
)
def test_whatever_is_quoted_comes_back(pairs):
    text = "".join(f"{name}={WRITERS[how](value)}\n" for name, (value, how) in pairs.items())
    assert values(text) == {name: value for name, (value, _) in pairs.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nB", ".env:2: needs NAME=VALUE"),
        ("A=1\n\n1B=2", ".env:3: '1B' is not the name of a variable"),
        ("A B=2", ".env:1: 'A B' is not the name of a variable"),
        ("=2", ".env:1: '' is not the name of a variable"),
        ("A='x\ny\nB=2", ".env:1: the quote ' is not closed"),
        ('A=1\nB="x', '.env:2: the quote " is not closed'),
        ('A="x" y', ".env:1: there is 'y' behind the closing quote"),
        ("A=x\0y", ".env:1: a variable cannot hold a NUL character"),
    ],
)
def test_bad_line_is_named(text, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        parse_variables(text, ".env")


def test_lines_are_those_on_which_an_assignment_begins():
    found = parse_variables("\n# c\nA='1\n2'\nB=3\n", "f")
    assert found == [("A", "1\n2", 3), ("B", "3", 5)]


def test_last_of_several_lines_counts(tmp_path):
    (tmp_path / "e").write_bytes(b"\xef\xbb\xbfA=1\nB=2\nA=3\n")
    assert read_variables(str(tmp_path / "e"), "--env-file") == [("A", "3", 3), ("B", "2", 2)]


def test_file_that_cannot_be_read(tmp_path):
    (tmp_path / "e").write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(ConfigError, match=r"/e:2: not UTF-8 text"):
        read_variables(str(tmp_path / "e"), "--env-file")
    with pytest.raises(ConfigError, match=r"^--env-file: cannot read \S+/absent: No such file or directory"):
        read_variables(str(tmp_path / "absent"), "--env-file")
