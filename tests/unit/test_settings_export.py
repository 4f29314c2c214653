"""`config show` and `config schema`: complete, masked, and true to what the file reader takes."""

import json
import tomllib

import jsonschema
import pytest

from polydoor.errors import ConfigError
from polydoor.settings import export
from polydoor.settings.catalog import BY_NAME, SETTINGS
from polydoor.settings.listener import mask_address
from polydoor.settings.load import Entry, load
from polydoor.settings.tomlfile import read_file

SCHEMA = json.loads(export.schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

SOME = {
    "app": ["shop:make"],
    "factory": ["1"],
    "bind": ["http://127.0.0.1:1", 'unix:/run/"a\\b\tc\x7f'],
    "threads": ["7"],
    "body_limit": ["1500"],
    "response_spill_limit": ["3M"],
    "idle_timeout": ["2.5"],
    "linger_timeout": ["1ms"],
    "spill_dir": ["/var/ä €"],
}


def from_file(folder, text):
    path = folder / "polydoor.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load({}, {}, file=read_file(str(path), ""))


def values(settings):
    return {row.name: settings.value(row.name) for row in SETTINGS}


@pytest.mark.parametrize("options", [{}, SOME, {"port": ["3"]}], ids=["defaults", "some", "part"])
def test_toml_can_be_read_again_and_means_the_same(options, tmp_path):
    settings = load({}, options)
    text = export.as_toml(settings)
    assert values(from_file(tmp_path, text)) == values(settings)
    VALIDATOR.validate(tomllib.loads(text))


def test_every_setting_is_shown_once():
    shown = json.loads(export.as_json(load({}, SOME)))["settings"]
    lines = export.as_toml(load({}, SOME)).split("\n")
    for row in SETTINGS:
        count = sum(line.removeprefix("# ").startswith(f"{row.key} = ") for line in lines)
        assert count == (not row.part_of), row.name
        assert (row.key in shown) == (not row.part_of)


def test_secrets_are_masked():
    options = {"env": ["KEY=hidden", "OTHER=hidden=too"], "wsgi_environ": ["TOKEN=hidden"]}
    settings = load({}, options)
    for text in (export.as_toml(settings), export.as_json(settings)):
        assert "hidden" not in text
        assert "KEY=***" in text
    assert '# env = ["KEY=***", "OTHER=***"]  # --env; masked\n' in export.as_toml(settings)
    assert '# wsgi-environ = ["TOKEN=***"]  # --wsgi-environ; masked\n' in export.as_toml(settings)
    for name in ("env", "wsgi_environ"):
        with pytest.raises(ConfigError) as caught:
            load({}, {name: ["hidden"]})
        assert "hidden" not in str(caught.value)


def test_address_that_is_masked_is_not_read_again(tmp_path):
    settings = load({}, {})
    addresses = ["127.0.0.1:1", "http://127.0.0.1:2?secret=hidden"]  # as a protocol to come will take it
    settings.put(Entry(BY_NAME["bind"], "--bind", texts=addresses))
    text = export.as_toml(settings)
    assert '# bind = ["127.0.0.1:1", "http://127.0.0.1:2?secret=***"]  # --bind; masked\n' in text
    assert not from_file(tmp_path, text).is_said("bind")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ajp://127.0.0.1:8009?secret=hidden", "ajp://127.0.0.1:8009?secret=***"),
        ("ajp://h:1?secret=env:NAME&allow=::1", "ajp://h:1?secret=***&allow=::1"),
        ("http://user:word@host:1/", "http://***@host:1/"),
        ("http://a@b@host:1?mount=/x", "http://***@host:1?mount=/x"),
        ("http://[::1]:1?mount=/a@b", "http://[::1]:1?mount=/a@b"),
        ("unix:/run/a@b", "unix:/run/a@b"),
        ("h:1?stream", "h:1?stream"),
    ],
)
def test_addresses_are_masked(address, shown):
    assert mask_address(address) == shown


def test_bad_address_is_told_without_its_secret():
    with pytest.raises(ConfigError, match=r"bad address 'ajp://h:1\?secret=\*\*\*'"):
        load({}, {"bind": ["ajp://h:1?secret=hidden"]})


def test_odd_origins_and_bytes_do_not_break_the_toml(tmp_path):
    settings = load({"POLYDOOR_SPILL_DIR": "/a\udcff"}, {}, places={"POLYDOOR_SPILL_DIR": "e\nv:1"})
    text = export.as_toml(settings)
    assert 'spill-dir = "/a\ufffd"  # e?v:1\n' in text
    assert tomllib.loads(text)["spill-dir"] == "/a\ufffd"


def test_warnings_are_shown():
    settings = load({}, {})
    settings.warnings.append("a file cannot be read\nLet this user read it.")
    assert "\n# warning: a file cannot be read\n# warning: Let this user read it.\n" in export.as_toml(settings)


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for row in SETTINGS:
        assert (row.key in SCHEMA["properties"]) == (not row.only_outside)


GOOD = [
    "",
    'app = "shop"\nthreads = 3\nidle_timeout = 0.5\nidle-timeout = 1',
    'bind = "h:1"\nwsgi-environ = ["A=1"]\nbody-limit = "1.5 GiB"\nhead-limit = 65536',
    'workers = 1\nfactory = true\nidle-timeout = "2m"\nenv = ["A=", "B_2=x=y"]',
    "host = '::1'\nport = 0",
    'health = "/-/health"',
    'workers = "2:8"',
    'workers = "auto"',
]
# What the reader refuses, the schema refuses too; the first of GOOD's doubled keys is the one exception.
BAD = [
    "thread = 3",
    "config = 'x'",
    "[server]",
    'threads = "3"',
    "threads = true",
    "threads = 1.5",
    "threads = 513",
    "bind = []",
    "bind = [1]",
    "bind = ''",
    "factory = 1",
    "idle-timeout = -1",
    "idle-timeout = true",
    "idle-timeout = '1 day'",
    "body-limit = '1X'",
    "wsgi-environ = 'HTTP_A=1'",
    "wsgi-environ = 'A'",
    "env = '1A=1'",
    "spill-dir = ''",
    "health = 'health'",
    "health = '/'",
    "health = '/a/'",
    "health = '/a b'",
    "health = '/a?b'",
    f"health = '/{'a' * 100}'",
    "workers = 'many'",
    "bind = 'h:1'\nport = 3",
]


@pytest.mark.parametrize("text", GOOD)
def test_schema_takes_good_files(text, tmp_path):
    VALIDATOR.validate(tomllib.loads(text))
    if "idle_timeout" not in text:
        from_file(tmp_path, text)


@pytest.mark.parametrize("text", BAD)
def test_schema_refuses_what_the_reader_refuses(text, tmp_path):
    assert not VALIDATOR.is_valid(tomllib.loads(text))
    with pytest.raises(ConfigError):
        from_file(tmp_path, text)
