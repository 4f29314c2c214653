"""The configuration file: keys, types, and the lines that messages name."""

import re
import tomllib

import pytest

from polydoor.errors import ConfigError
from polydoor.settings.load import load
from polydoor.settings.tomlfile import read_file
from polydoor.settings.tomllines import find_lines

LINES = [
    'a = """x',
    "y = 1",
    '\\""" """',
    "b = [",
    '  "]", # ]',
    "  '''",
    "c = 2'''',",
    "]",
    '"d e" = {f = [1],g="\\"}"}',
    "",
    "[t]",
    "h.i = 1",
    '[ u . "v.w" ]\r',
    "  x='\\'",
    "[[z]]",
    "y=1",
    "[[z]]",
    "y=2 # last",
]


def write(folder, text, name="polydoor.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def settings_of(path, said=""):
    return load({}, {}, file=read_file(path, said))


def test_keys_have_native_types_and_either_spelling(tmp_path):
    path = write(
        tmp_path,
        'app = "shop:make"\nbind = ["h:1", "scgi://h:2"]\nidle-timeout = 0.5\nbody_limit = "2M"\nhead-limit = 65536\n'
        'threads = 3\nfactory = true\nwsgi-environ = "A=1"\nworkers = 1\n',
    )
    settings = settings_of(path)
    assert settings.app() == "shop:make()"
    assert [spec["port"] for spec in settings.listeners()] == [1, 2]
    assert [settings.number(name) for name in ("idle_timeout", "body_limit", "threads")] == [500, 2 << 20, 3]
    assert settings.environ() == {"A": "1"}
    assert settings.origin("threads") == f"{path}:6"
    assert settings.origin("backlog") == "default"


def test_lines_of_keys_are_found_behind_strings_and_arrays_of_several_lines(tmp_path):
    text = "\n".join(LINES)
    assert tomllib.loads(text)
    assert find_lines(text) == {
        ("a",): 1,
        ("b",): 4,
        ("d e",): 9,
        ("t",): 11,
        ("t", "h"): 12,
        ("t", "h", "i"): 12,
        ("u",): 13,
        ("u", "v.w"): 13,
        ("u", "v.w", "x"): 14,
        ("z",): 15,
        ("z", "y"): 16,
    }


def test_project_file_has_a_table(tmp_path):
    path = write(tmp_path, '[project]\nname = "polydoor"\n\n[tool.polydoor]\nthreads = 5\n', "pyproject.toml")
    settings = settings_of(path)
    assert (settings.number("threads"), settings.origin("threads")) == (5, f"{path}:5")


@pytest.mark.parametrize("text", ['[project]\nname = "polydoor"\n', "tool = 1\n"])
def test_project_file_without_our_table_says_nothing(text, tmp_path):
    assert read_file(write(tmp_path, text, "pyproject.toml"), "") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("threads = 2\nthread = 3\n", ":2: unknown key thread\nDid you mean threads?"),
        ("[server]\nthreads = 2\n", ":1: unknown key server"),
        ('config = "x"', ":1: unknown key config\nA configuration file cannot name another one."),
        ("\n[tool.polydoor]\n", ":2: unknown key tool\nThe keys stand at the top of polydoor.toml"),
        ("idle-timeout = 1\nidle_timeout = 1", ":2: idle-timeout and idle_timeout are the same key"),
        ('\nthreads = "4"', ":2: threads needs a whole number, not '4'"),
        ("threads = true", ":1: threads needs a whole number, not true"),
        ("threads = 1979-05-27", ":1: threads needs a whole number, not 1979-05-27"),
        ("bind = {a = 1}", ":1: bind needs a string, not a table"),
        ('bind = "h"', ":1: bind: bad address 'h': it needs a host and a port"),
        ("threads = 1.5", ":1: threads needs a whole number, not 1.5"),
        ("threads = 0", ":1: threads needs a whole number from 1 to 512, not '0'"),
        ("threads = [1]", ":1: threads needs a whole number, not [1]"),
        ("factory = 1", ":1: factory needs true or false, not 1"),
        ("bind = [1]", ":1: bind needs a string, not [1]"),
        ("bind = []", ":1: bind names no address"),
        ("idle-timeout = inf", ":1: idle-timeout needs a time from 0 s to 86400 s, not 'inf'"),
        ("body-limit = 1.5\n", ":1: body-limit needs a size"),
        ("workers = 0", ":1: workers needs a number of workers from 1 to 512, MIN:MAX or auto"),
        ("workers = [2]", ":1: workers needs a number of workers, MIN:MAX or auto, not [2]"),
        ('bind = "h:1"\nport = 2', ":1: bind and "),
        ("threads = \nbacklog = 1", ":1: bad TOML in column 11: Invalid value\nthreads ="),
        ("threads = 1\nthreads = 2\n", ":2: bad TOML in column 12: Cannot overwrite a value\nthreads = 2"),
        ("threads = 1\n[table", ":2: bad TOML at the end: "),
        (b"threads = 1\n# \xff\n", ":2: not UTF-8 text, which TOML needs"),
    ],
)
def test_bad_file_is_told_with_its_line(text, message, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=f"^{re.escape(path + message)}"):
        settings_of(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.polydoor]\n\nthread = 3\n", ":3: unknown key thread"),
        ("[tool]\npolydoor = {thread = 3}\n", ":2: unknown key thread"),
        ("[tool]\npolydoor.thread = 3\n", ":2: unknown key thread"),
        ("[project]\n[tool.polydoor.more]\n", ":2: unknown key more"),
        ("[tool]\npolydoor = 3\n", " has no table [tool.polydoor]"),
    ],
)
def test_bad_project_file_is_told_with_its_line(text, message, tmp_path):
    path = write(tmp_path, text, "pyproject.toml")
    with pytest.raises(ConfigError, match=f"^{re.escape(path + message)}"):
        settings_of(path)


def test_file_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="^--config: cannot read absent.toml: No such file or directory"):
        read_file("absent.toml", "--config")
    path = write(tmp_path, "[project]\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=re.escape(f"{path} has no table [tool.polydoor]")):
        read_file(path, "--config")
