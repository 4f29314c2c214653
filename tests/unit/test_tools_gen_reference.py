"""The pages that are made from the table of settings and from the help."""

import re

import gen_reference
from polydoor.settings.catalog import SETTINGS


def test_committed_pages_are_those_of_the_table():
    assert list(gen_reference.stale()) == []


def test_page_that_differs_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gen_reference, "ROOT", tmp_path)
    monkeypatch.setattr(gen_reference, "FOLDER", tmp_path)
    assert gen_reference.main(["--check"]) == 1
    assert "settings.md is out of date: run python3 tools/gen_reference.py\n" in capsys.readouterr().err
    assert gen_reference.main([]) == 0
    assert gen_reference.main(["--check"]) == 0
    page = tmp_path / "command-line.md"
    page.write_text(page.read_text() + "\n")
    assert list(gen_reference.stale()) == ["command-line.md is out of date: run python3 tools/gen_reference.py"]


def test_every_setting_has_its_section():
    text = gen_reference.settings_page()
    for row in SETTINGS:
        section = text.split(f"\n### {row.key}\n")[1].split("\n### ")[0]
        assert f"| variable | `{row.variable}` |" in section
        assert row.name == "app" or f"`{row.option}" in section
        for name in ("option", "key", "value", "default", "reloadable"):
            assert f"\n| {name} | " in section


def test_dashes_of_options_are_never_typeset():
    prose = gen_reference.settings_page().split("```")
    outside = "".join(part for part in "".join(prose[::2]).split("`")[::2])
    assert re.findall(r"--[a-z]+", outside) == []
