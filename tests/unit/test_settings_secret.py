"""Secrets that stand in the environment or in a file, and what is shown of them."""

import json

import pytest

from polydoor.errors import ConfigError
from polydoor.settings import export
from polydoor.settings.load import from_keywords, load
from polydoor.settings.secret import read_secret

GOOD = "0123456789-abcde"


def test_a_literal_is_taken_as_it_is():
    assert read_secret(GOOD, "--token") == GOOD


def test_a_variable_holds_it(monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", GOOD)
    assert read_secret("env:SHOP_TOKEN", "--token") == GOOD


@pytest.mark.parametrize("text", [GOOD, f"{GOOD}\n", f"  {GOOD}\r\n\n"])
def test_a_file_holds_it(text, tmp_path):
    (tmp_path / "token").write_text(text)
    assert read_secret(f"file:{tmp_path}/token", "--token") == GOOD


@pytest.mark.parametrize("text", ["", "short", "with a blank in it!", "größer-als-sechzehn", "a" * 201, f"{GOOD}/x"])
def test_what_is_no_good_secret_is_refused_and_not_shown(text, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_TOKEN", text)
    (tmp_path / "token").write_text(text, encoding="utf-8")
    for place in ("env:SHOP_TOKEN", f"file:{tmp_path}/token"):
        with pytest.raises(ConfigError, match="--token") as caught:
            read_secret(place, "--token")
        assert caught.value.code == "PD0070"
        assert not text or text not in str(caught.value)
    with pytest.raises(ConfigError, match=r"--diagnostics needs at least 16") as caught:
        load({}, {"diagnostics": [text]})
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("text", ["env:", "file:"])
def test_a_place_has_a_name(text):
    with pytest.raises(ConfigError, match="needs a name behind env:"):
        load({}, {"diagnostics": [text]})


def test_what_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="the variable SHOP_TOKEN is not set"):
        read_secret("env:SHOP_TOKEN", "--token")
    with pytest.raises(ConfigError, match="cannot read .*/absent: No such file"):
        read_secret(f"file:{tmp_path}/absent", "--token")


def test_it_is_masked_wherever_it_is_shown():
    for settings in (load({}, {"diagnostics": [GOOD]}), load({"POLYDOOR_DIAGNOSTICS": GOOD}, {})):
        assert GOOD not in export.as_toml(settings) + export.as_json(settings)
        assert json.loads(export.as_json(settings))["settings"]["diagnostics"]["value"] == "***"
    assert from_keywords(diagnostics=GOOD).text("diagnostics") == GOOD
