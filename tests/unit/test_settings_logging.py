"""The settings of the access log."""

import pytest

from polydoor.errors import ConfigError
from polydoor.settings.load import load


def test_defaults():
    settings = load({}, {})
    assert settings.text("access_log") == "short"
    assert settings.texts("access_log_exclude") == ()
    assert settings.number("access_log_buffer") == 256 * 1024


@pytest.mark.parametrize("text", ["off", "short", "combined", "json", "json:log", "short:/var/log/a:b"])
def test_forms(text):
    assert load({}, {"access_log": [text]}).text("access_log") == text


@pytest.mark.parametrize("text", ["", "on", "Short", "json:", "off:log", "/var/log/shop.log", "short,json"])
def test_what_is_no_form(text):
    with pytest.raises(ConfigError, match="--access-log needs off, short, combined or json, or one of them with :FILE"):
        load({}, {"access_log": [text]})


def test_excluded_paths():
    paths = ("/health", "/static/*", "/*")
    assert load({}, {"access_log_exclude": list(paths)}).texts("access_log_exclude") == paths


@pytest.mark.parametrize("text", ["", "health", "*", "/a*b", "/**"])
def test_what_is_no_path(text):
    with pytest.raises(ConfigError, match="needs a path that begins with / and may end in"):
        load({}, {"access_log_exclude": [text]})
