"""What `make serve` and `make test` do before they do it: checks, messages, the environment's state."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import environment
import needs
import ports
import serve

ROOT = Path(__file__).parents[2]
FIND_PYTHON = ROOT / "tools" / "find-python"


def find_python(*arguments, path=os.environ["PATH"]):
    return subprocess.run(
        ["/bin/sh", FIND_PYTHON, *arguments], capture_output=True, text=True, env={"PATH": str(path)}, check=False
    )


def fake_python(folder, name, version):
    """A program that answers like an interpreter of that version."""
    script = folder / name
    script.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = --version ] && echo "Python {version[0]}.{version[1]}.0" && exit 0\n'
        f"exec {sys.executable} -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' \"$2\"\n"
    )
    script.chmod(0o755)
    return script


def test_the_named_python_is_taken():
    assert find_python(sys.executable).stdout.strip() == sys.executable


def test_the_first_usable_python_is_taken(tmp_path):
    fake_python(tmp_path, "python3", (3, 9))
    fake_python(tmp_path, "python3.15", (3, 10))
    wanted = fake_python(tmp_path, "python3.13", (3, 13))
    assert find_python(path=tmp_path).stdout.strip() == str(wanted)


@pytest.mark.parametrize("version", [(3, 10), (3, 16)])
def test_a_named_python_of_the_wrong_version_is_refused(tmp_path, version):
    script = fake_python(tmp_path, "mypython", version)
    done = find_python(str(script))
    assert done.returncode == 1
    assert done.stderr == (
        f"make: PYTHON={script} is Python {version[0]}.{version[1]}.0; Polydoor needs Python 3.11 to 3.15\n"
    )


def test_a_named_python_that_is_not_there_is_refused():
    done = find_python("/nowhere/python3")
    assert (done.returncode, done.stderr) == (1, "make: PYTHON=/nowhere/python3 is not there\n")


def test_no_python_at_all_says_what_to_install(tmp_path):
    done = find_python(path=tmp_path)
    assert done.returncode == 1
    assert "there is no Python 3.11 to 3.15 on PATH" in done.stderr
    assert "apt install python3 python3-dev python3-pip" in done.stderr


def test_missing_compiler_is_named_with_the_line_that_mends_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(SystemExit) as caught:
        needs.require()
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "make: the build needs"
    assert any(line.split("   ")[0].strip() == "a C compiler" and "apt install gcc libc6-dev" in line for line in lines)


def test_compiler_without_c_library_is_told_apart(monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert ("the C library's headers", "apt install libc6-dev") in needs.missing()


def test_missing_headers_of_python_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(needs.sysconfig, "get_path", lambda _name: str(tmp_path))
    found = dict(needs.missing())
    name = f"Python.h of Python {sys.version_info.major}.{sys.version_info.minor}"
    assert name in found
    assert "apt install python3" in found[name] or "PYTHON=" in found[name]


def test_old_pip_is_named(monkeypatch):
    def run(command, **_options):
        return subprocess.CompletedProcess(command, 0, stdout="pip 20.3.4 from somewhere\n")

    monkeypatch.setattr(needs.subprocess, "run", run)
    assert "pip 22.3 or newer" in dict(needs.missing())


def test_holder_of_a_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        name = Path("/proc/self/comm").read_text().strip()
        assert ports.holder(port) == f"{name} (pid {os.getpid()})"
    assert ports.is_free("127.0.0.1", port)


def test_taken_port_is_told_with_another_one(monkeypatch, capsys):
    monkeypatch.setattr(environment, "prepare", lambda *groups: None)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit) as caught:
            serve.main()
    assert caught.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"make: port {port} is held by ")
    assert first.endswith(f"(pid {os.getpid()})")
    assert second.startswith("  Take another one: make serve PORT=")
    assert second.rpartition("=")[2] != str(port)


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "²"])
def test_wrong_port_is_refused(monkeypatch, capsys, text):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit) as caught:
        serve.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"make: PORT={text} is not a port from 1 to 65535\n"


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An environment of our own, made without any network."""
    folder = tmp_path / "env"
    monkeypatch.setattr(environment, "VENV", folder)
    monkeypatch.setattr(environment, "PYTHON", folder / "bin" / "python")
    monkeypatch.setattr(environment, "STATE", folder / "polydoor-state.json")
    monkeypatch.setenv("PIP_ARGS", "--no-index")
    return folder


def test_environment_is_made_without_pip_and_kept(place):
    environment._ensure()
    made = (place / "bin" / "python").lstat().st_ino
    assert not list(place.glob("lib/python*/site-packages/pip"))
    environment._ensure()
    assert (place / "bin" / "python").lstat().st_ino == made


def test_environment_of_another_python_is_made_again(place, capsys):
    environment._ensure()
    (place / "left-over").touch()
    environment._remember(python="another")
    environment._ensure()
    assert not (place / "left-over").exists()
    assert "belongs to another Python; making it again" in capsys.readouterr().out


def test_without_network_the_absent_packages_are_named(place, monkeypatch, tmp_path, capfd):
    project = tmp_path / "pyproject.toml"
    project.write_text('[dependency-groups]\nbuild = ["polydoor-needs-this>=2", "and-that"]\n')
    monkeypatch.setattr(environment, "PROJECT", project)
    environment._ensure()
    with pytest.raises(SystemExit) as caught:
        environment._install_group("build")
    assert caught.value.code == 1
    said = capfd.readouterr().err
    assert "make: pip could not get polydoor-needs-this>=2, and-that\n" in said
    assert "pip download -d wheels 'polydoor-needs-this>=2' and-that\n" in said
    assert 'PIP_ARGS="--no-index --find-links wheels"' in said
    assert "group-build" not in json.loads(environment.STATE.read_text())


def test_package_is_built_again_only_when_a_source_changed(place, monkeypatch, tmp_path):
    (tmp_path / "src").mkdir()
    source = tmp_path / "src" / "a.py"
    source.write_text("1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    built = []
    monkeypatch.setattr(environment, "_pip", lambda *arguments: built.append(arguments) or 0)
    environment._ensure()
    environment._install_package()
    environment._install_package()
    assert len(built) == 1
    source.write_text("2\n")
    environment._install_package()
    assert len(built) == 2
    assert {"--no-build-isolation", "--no-deps", "--force-reinstall"} <= set(built[0])


WHEEL = """\
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/polydoor_made_up-1-py3-none-any.whl", "w") as wheel:
    info = "polydoor_made_up-1.dist-info/"
    wheel.writestr("polydoor_made_up.py", "")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: polydoor-made-up\\nVersion: 1\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
"""


def below(*folders):
    """Names and times of all files below some folders."""
    paths = [path for folder in folders for path in Path(folder).rglob("*")]
    return {path: path.lstat().st_mtime_ns for path in paths if not path.is_dir()}


def test_installing_changes_nothing_outside_the_environment(place, monkeypatch, tmp_path):
    wheels, home, project = tmp_path / "wheels", tmp_path / "home", tmp_path / "pyproject.toml"
    for folder in (wheels, home):
        folder.mkdir()
    subprocess.run([sys.executable, "-c", WHEEL, wheels], check=True)
    project.write_text('[dependency-groups]\ntest = ["polydoor-made-up"]\n')
    monkeypatch.setattr(environment, "PROJECT", project)
    monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links {wheels}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", os.defpath)  # pip asks programs such as rustc for their version
    monkeypatch.delenv("PIP_CACHE_DIR", raising=False)
    python = getattr(sys, "_base_executable", sys.executable)
    monkeypatch.setattr(sys, "executable", python)  # that of a `make test` environment has no pip
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    base = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
    before = below(wheels, base)
    environment.prepare_groups("test")
    assert list(place.glob("lib/python*/site-packages/polydoor_made_up.py"))
    assert list(home.iterdir()) == []
    assert below(wheels, base) == before


def test_what_pip_keeps_stays_in_the_checkout(place, monkeypatch):
    ran = []
    monkeypatch.delenv("PIP_CACHE_DIR", raising=False)
    monkeypatch.setattr(environment, "run", lambda *command, **variables: ran.append((command, variables)) or 0)
    environment._pip("install", "something")
    [(command, variables)] = ran
    assert command[command.index("--python") + 1] == str(environment.PYTHON)
    assert Path(variables["PIP_CACHE_DIR"]).is_relative_to(ROOT / "build")
    monkeypatch.setenv("PIP_CACHE_DIR", "/chosen")
    environment._pip("install", "something")
    assert ran[1][1]["PIP_CACHE_DIR"] == "/chosen"
