"""`polydoor cgi init`: what it writes, and what it leaves alone."""

from __future__ import annotations

import os
import stat
import tomllib

import pytest

from polydoor.cli import main
from polydoor.hosting import servers

BINARY = b"\x7fELF ... POLYDOOR_CGI_CONFIG ..."


class Account:
    """The home of somebody who has a web space."""

    def __init__(self, folder, monkeypatch):
        self.www, self.site, self.stub = folder / "www", folder / "site", folder / "polydoor-cgi"
        self.www.mkdir(mode=0o755)
        self.site.mkdir()
        self.stub.write_bytes(BINARY)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.chdir(self.site)

    def init(self, *words, app="shop:app"):
        return main(["cgi", "init", app, str(self.www), "--stub", str(self.stub), *words])

    def files(self):
        return {path.name: path.read_text(errors="replace") for path in self.www.iterdir()}

    def keys(self):
        return tomllib.loads((self.www / ".ht-shop.cgi.conf").read_text())


@pytest.fixture
def account(tmp_path, monkeypatch):
    return Account(tmp_path, monkeypatch)


def test_it_writes_the_program_its_configuration_and_what_apache_is_told(account, capsys):
    assert account.init("-t", "2", "--env-file", "shop.env", "--env", "LANG=C", "--static", "static") == 0
    assert sorted(account.files()) == [".ht-shop.cgi.conf", ".htaccess", "shop.cgi"]
    assert (account.www / "shop.cgi").read_bytes() == BINARY
    assert [stat.S_IMODE((account.www / name).stat().st_mode) for name in ("shop.cgi", ".htaccess")] == [0o755, 0o644]
    keys = account.keys()
    state = keys.pop("state")
    assert os.path.dirname(state) == os.path.join(os.environ["XDG_STATE_HOME"], "polydoor")
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o700
    assert os.path.isabs(keys.pop("python"))
    assert keys == {
        "app": "shop:app",
        "directory": str(account.site),
        "options": ["--threads=2", f"--env-file={account.site}/shop.env"],
        "environment": ["LANG=C"],
    }
    assert 'RewriteRule "^static/" - [END]' in account.files()[".htaccess"]
    out = capsys.readouterr().out
    assert out.index("shop.cgi: the program") < out.index("Next:")
    assert f"polydoor cgi status {account.www}" in out


def test_a_file_is_meant_from_here_and_its_folder_is_where_it_lives(account):
    (account.site / "wsgi.py").write_text("")
    assert account.init("--name", "shop", app="./wsgi.py:app") == 0
    assert account.keys()["app"] == f"{account.site}/wsgi.py:app"
    assert account.keys()["directory"] == str(account.site)


def test_two_folders_have_two_daemons(account, tmp_path):
    (tmp_path / "other").mkdir(mode=0o755)
    assert account.init() == 0
    first = account.keys()["state"]
    account.www = tmp_path / "other"
    assert account.init() == 0
    assert account.keys()["state"] != first


def test_again_it_writes_over_its_own_files(account):
    assert account.init() == 0
    account.stub.write_bytes(BINARY + b"newer")
    assert account.init("-t", "1") == 0
    assert account.keys()["options"] == ["--threads=1"]
    assert (account.www / "shop.cgi").read_bytes() == BINARY + b"newer"


@pytest.mark.parametrize("name", ["shop.cgi", ".ht-shop.cgi.conf", ".htaccess"])
@pytest.mark.parametrize("is_changed", [False, True], ids=["foreign", "changed"])
def test_what_somebody_else_has_written_stays(account, name, is_changed, capsys):
    if is_changed:
        assert account.init() == 0
    path = account.www / name
    with path.open("a" if name != "shop.cgi" else "w") as file:
        file.write("# mine\n")
    before = account.files()
    assert account.init("-t", "1") == 2
    assert account.files() == before
    assert f"PD0784: {path} is there" in capsys.readouterr().err
    assert account.init("-t", "1", "--force") == 0
    kept = [text for each, text in account.files().items() if each.endswith(".old")]
    assert kept == [before[name]]
    assert all(each.startswith(".ht") for each in account.files() if each.endswith(".old"))


def test_a_link_and_a_script_are_stubs_too(account):
    assert account.init("--link") == 0
    assert os.path.samefile(account.www / "shop.cgi", account.stub)
    assert account.init("--link") == 0
    assert account.init("--script") == 0
    assert (account.www / "shop.cgi").read_text() == f"#!{account.stub}\n"
    assert account.init("--copy") == 0
    assert account.stub.read_bytes() == BINARY
    assert sorted(account.files()) == [".ht-shop.cgi.conf", ".htaccess", "shop.cgi"]


@pytest.mark.parametrize("server", ["lighttpd", "nginx"])
def test_other_servers_are_told_by_lines_that_are_printed(account, server, capsys):
    assert account.init("--server", server, "--static", "static") == 0
    assert sorted(account.files()) == [".ht-shop.cgi.conf", "shop.cgi"]
    out = capsys.readouterr().out
    assert out.count(f"{account.www}/shop.cgi") >= 1
    assert getattr(servers, server)(f"{account.www}/shop.cgi", ("static",)) in out


REFUSED = {
    "an address": (["-b", "127.0.0.1:8000"], "PD0009", "--bind has no place behind the CGI stub"),
    "a secret variable": (["--env", "SECRET_KEY=x"], "PD0785", "SECRET_KEY looks like a secret"),
    "a secret option": (["--diagnostics", "a-token-of-some-length"], "PD0785", "--diagnostics may be a secret"),
    "a bad value": (["-t", "0"], "PD0005", "--threads needs a whole number from 1 to 512"),
    "a bad name": (["--name", "a/b"], "PD0005", "'a/b.cgi' needs letters, digits and . _ - only"),
    "a hidden name": (["--name", ".htaccess"], "PD0005", "needs letters, digits"),
    "no stub": (["--stub", "/nowhere/polydoor-cgi"], "PD0011", "cannot write"),
    "the served folder": (["--directory", "{www}/app"], "PD0785", "lies in"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unsafe_or_wrong_is_refused_and_nothing_is_left(account, name, capsys):
    words, code, told = REFUSED[name]
    assert account.init(*(word.format(www=account.www) for word in words)) == 2
    error = capsys.readouterr().err
    assert code in error
    assert told in error
    assert "shop.cgi" not in account.files()


def test_a_folder_that_others_can_write_is_refused(account, capsys):
    account.www.chmod(0o777)
    assert account.init() == 2
    assert "PD0785" in capsys.readouterr().err


def test_a_state_that_others_can_write_is_refused_and_left_as_it_is(account, tmp_path, capsys):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert account.init("--state", str(shared)) == 2
    assert "PD0785" in capsys.readouterr().err
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert account.files() == {}
    shared.chmod(0o750)
    assert account.init("--state", str(shared)) == 0
    assert stat.S_IMODE(shared.stat().st_mode) == 0o750


def test_values_are_quoted(account):
    assert account.init("--env", 'GREETING=say "hi" \\o/') == 0
    assert account.keys()["environment"] == ['GREETING=say "hi" \\o/']
    assert account.init("--env", "GREETING=two\nlines") == 2


def test_without_stub_or_folder_status_says_so(account, capsys, tmp_path):
    assert main(["cgi", "status", str(account.www)]) == 2
    assert f"there is no stub in {account.www}" in capsys.readouterr().err
    assert account.init() == 0
    assert main(["cgi", "status", str(account.www), "--name", "blog"]) == 2
    assert "no stub of the name blog.cgi" in capsys.readouterr().err
    assert main(["cgi", "status", str(account.www)]) == 3
    assert capsys.readouterr().out.endswith("shop:app: no daemon; one starts with the next request\n")
    assert main(["cgi", "stop", str(tmp_path / "nowhere")]) == 2
