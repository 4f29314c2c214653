"""The generated look-up table is what names.h gives, and no two names meet in it."""

import pytest

import gen_names


def test_the_committed_table_is_up_to_date(capsys):
    assert gen_names.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_table_is_found_and_mended(tmp_path, monkeypatch, capsys):
    target = tmp_path / "names_table.h"
    monkeypatch.setattr(gen_names, "TARGET", target)
    assert gen_names.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert gen_names.main([]) == 0
    assert gen_names.main(["--check"]) == 0


def test_two_names_in_one_slot_are_no_placement():
    assert gen_names.place({"host": 1, "date": 2}, [0, 0, 0, 0]) is None
    slots = gen_names.place({"host": 1, "date": 2}, [0, 1, 0, 0])
    assert slots is not None
    assert (slots[ord("t")], slots[ord("e")]) == (1, 2)


def test_a_file_without_rows_is_refused():
    with pytest.raises(SystemExit, match="0 rows"):
        gen_names.read_rows("enum { NOTHING };")
