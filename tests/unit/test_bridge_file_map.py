"""Which file a front end is told to send, and how its name is written."""

import os

import pytest

from polydoor.bridge.file_map import BY_PATH, BY_URL, LONGEST, FileMap


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    return folder


def value_of(file_map, name, opened=None):
    return file_map.value(name, os.stat(opened or name))


def test_the_field_is_that_of_the_form(media):
    assert FileMap([str(media)], "apache").field == BY_PATH
    assert FileMap([f"/sent={media}"], "generic").field == BY_URL


def test_names_are_texts_or_bytes_and_may_be_relative(media, monkeypatch):
    file_map = FileMap([f"/sent={media}"], "generic")
    monkeypatch.chdir(media)
    for name in (f"{media}/a", os.fsencode(media / "a"), "a", "./../media/a"):
        assert value_of(file_map, name, media / "a") == b"/sent/a"


@pytest.mark.parametrize("name", [3, None, "absent", "a\0b", b"a\0", "", "."])
def test_what_is_no_name_fits_nothing(media, name, monkeypatch):
    monkeypatch.chdir(media)
    assert value_of(FileMap([str(media)], "generic"), name, media / "a") is None


def test_another_file_of_that_name_fits_nothing(media, tmp_path):
    (tmp_path / "b").write_bytes(b"a")
    assert value_of(FileMap([str(media)], "generic"), f"{media}/a", tmp_path / "b") is None


def test_a_folder_may_be_a_link_that_is_changed(media, tmp_path):
    link = tmp_path / "current"
    file_map = FileMap([f"{tmp_path}/absent", str(link)], "apache")
    assert value_of(file_map, f"{media}/a") is None
    link.symlink_to(media)
    assert value_of(file_map, f"{media}/a") == os.fsencode(link / "a")
    link.unlink()
    link.symlink_to(tmp_path)
    assert value_of(file_map, f"{media}/a") == os.fsencode(link / "media" / "a")


def test_the_first_folder_that_fits_counts(media):
    (media / "sub").mkdir()
    (media / "sub" / "b").write_bytes(b"b")
    file_map = FileMap([f"/inner={media}/sub", f"/outer={media}"], "nginx")
    assert value_of(file_map, f"{media}/sub/b") == b"/inner/b"
    assert value_of(file_map, f"{media}/a") == b"/outer/a"


@pytest.mark.parametrize(
    ("name", "by_url", "lighttpd", "apache", "unknown"),
    [
        (b"A-z_0.9~", b"A-z_0.9~", b"A-z_0.9~", b"A-z_0.9~", b"A-z_0.9~"),
        (b"a b", b"a%20b", b"a%20b", b"a b", None),
        (b"a ", b"a%20", b"a%20", None, None),
        (b"%2e%2e", b"%252e%252e", b"%252e%252e", None, None),
        (b"?x=1#y&z;+", b"%3Fx%3D1%23y%26z%3B%2B", b"%3Fx%3D1%23y%26z%3B%2B", b"?x=1#y&z;+", None),
        (b"\"'\\", b"%22%27%5C", b"%22%27%5C", b"\"'\\", None),
        (b"\xc3\xa9", b"%C3%A9", b"%C3%A9", b"\xc3\xa9", None),
        (b"\xff", b"%FF", None, None, None),
        (b"a\r\nX: y", b"a%0D%0AX%3A%20y", None, None, None),
        (b"a\x7f", b"a%7F", None, None, None),
    ],
)
def test_how_a_name_is_written(media, name, by_url, lighttpd, apache, unknown):
    path = os.fsencode(media) + b"/" + name
    with open(path, "wb"):
        pass
    prefix = os.fsencode(media) + b"/"
    assert value_of(FileMap([f"/sent={media}"], "generic"), path) == b"/sent/" + by_url
    for profile, wanted in (("lighttpd", lighttpd), ("apache", apache), ("generic", unknown)):
        expected = None if wanted is None else prefix + wanted
        assert value_of(FileMap([str(media)], profile), path) == expected


def test_a_value_that_might_not_fit_a_packet_is_none(media):
    folder = media / ("\u20ac" * 80)
    file_map = FileMap([f"/sent={media}"], "nginx")
    for _ in range(2):
        folder.mkdir()
        (folder / "a").write_bytes(b"a")
        assert len(value_of(file_map, f"{folder}/a")) < LONGEST
        folder /= "\u20ac" * 80
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    assert value_of(file_map, f"{folder}/a") is None
