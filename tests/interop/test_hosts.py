"""Polydoor as a command of Flask and of Django, with the real packages."""

import os
import shutil
import subprocess
import sys

import pytest

from support.server import BANNER_URL, DOORS, Server, listener_address, listener_kind

FLASK_SHOP = """
from flask import Flask

def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return "the shop"

    return app

app = create_app()
"""
EXTRA_SETTINGS = """
INSTALLED_APPS += ["polydoor.django", "django_prodserver"]
PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "polydoor.django.prodserver.PolydoorServer",
        "ARGS": {"bind": ["127.0.0.1:0", "scgi://127.0.0.1:0"], "threads": 2},
    },
}
"""
STATIC_NOTE = "polydoor: static files are not served, unlike with runserver"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a Flask application."""
    folder = tmp_path_factory.mktemp("flask")
    (folder / "shop.py").write_text(FLASK_SHOP, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def fresh_project(tmp_path_factory):
    """What `django-admin startproject` makes."""
    folder = tmp_path_factory.mktemp("django")
    subprocess.run([sys.executable, "-m", "django", "startproject", "shop", str(folder)], check=True)
    return folder


@pytest.fixture
def project(fresh_project, tmp_path):
    """A copy with our two apps, to be changed."""
    shutil.copytree(fresh_project, tmp_path, dirs_exist_ok=True)
    change_settings(tmp_path, EXTRA_SETTINGS)
    return tmp_path


def change_settings(folder, more):
    with (folder / "shop" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(more)


def run(folder, *command):
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def addresses(server, count):
    """The doors of a server whose addresses the test did not choose."""
    assert server.log.wait_until(lambda lines: len(BANNER_URL.findall("\n".join(lines))) == count)
    urls = BANNER_URL.findall(server.log.text)
    return [DOORS[listener_kind(url)](listener_address(url)) for url in urls]


@pytest.mark.parametrize("app", ["shop", "shop:create_app"])
def test_flask_through_each_door(app, shop):
    flask = ("-m", "flask", "--app", app, "polydoor")
    listeners = ["http://127.0.0.1:0", "fastcgi://127.0.0.1:0", "scgi://127.0.0.1:0"]
    with Server(None, listeners, start=flask, cwd=shop, threads=2) as server:
        assert [door.request("GET", "/").body for door in server.doors] == [b"the shop"] * 3
        assert "polydoor: serving shop" in server.log.lines[0]


def test_flask_lists_the_command(shop):
    assert "polydoor  Serve with Polydoor." in run(shop, "-m", "flask", "--app", "shop", "--help").stdout


def test_help_of_flask_s_command(shop):
    done = run(shop, "-m", "flask", "--app", "shop", "polydoor", "--help")
    assert done.stdout.startswith("usage: flask --app APP polydoor [-b ADDRESS]... [-t N] [options]\n")
    assert "--idle-timeout SECONDS" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shop:app"], "there is no place for 'shop:app': Flask names the application"),
        (["--theads", "2"], "unknown option --theads\n  Did you mean --threads?"),
    ],
)
def test_flask_s_command_refuses(words, said, shop):
    done = run(shop, "-m", "flask", "--app", "shop", "polydoor", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_other_commands_of_flask_load_nothing_of_ours(shop):
    code = "import sys, polydoor.flask; print(*sorted(m for m in sys.modules if m.startswith('polydoor')))"
    assert run(shop, "-c", code).stdout.split() == ["polydoor", "polydoor._version", "polydoor.flask"]


def test_django_through_each_door(project):
    listeners = ["http://127.0.0.1:0", "fastcgi://127.0.0.1:0", "scgi://127.0.0.1:0"]
    with Server(None, listeners, start=("manage.py", "polydoor", "-v", "2"), cwd=project, threads=2) as server:
        assert [door.request("GET", "/").status for door in server.doors] == [200] * 3
        assert "serving shop.wsgi:application" in server.log.text
        assert STATIC_NOTE in server.log.text


def test_django_with_an_address_as_for_runserver(project):
    with Server(None, [], start=("manage.py", "polydoor", "127.0.0.1:0"), cwd=project) as server:
        (door,) = addresses(server, 1)
        assert door.request("GET", "/").status == 200


def test_django_without_wsgi_application_and_with_whitenoise(project):
    change_settings(project, "WSGI_APPLICATION = None\nMIDDLEWARE += ['whitenoise.middleware.WhiteNoiseMiddleware']\n")
    (project / "staticfiles").mkdir()
    change_settings(project, f"STATIC_ROOT = {str(project / 'staticfiles')!r}\n")
    with Server(None, ["http://127.0.0.1:0"], start=("manage.py", "polydoor"), cwd=project) as server:
        assert server.doors[0].request("GET", "/").status == 200
        assert "serving django.core.wsgi:get_wsgi_application()" in server.log.text
        assert STATIC_NOTE not in server.log.text


@pytest.mark.parametrize("words", [("help", "polydoor"), ("polydoor", "--settings", "shop.settings", "-h")])
def test_help_of_django_s_command(words, project):
    done = run(project, "manage.py", *words)
    assert done.stdout.startswith("usage: python manage.py polydoor [ADDRPORT] [-b ADDRESS]... [-t N] [options]\n")
    assert "--idle-timeout SECONDS" in done.stdout
    assert done.returncode == 0


def test_django_s_command_refuses_with_the_status_of_ours(project):
    change_settings(project, "DEBUG = False\nWSGI_APPLICATION = 'shop.wsgy.application'\n")
    done = run(project, "manage.py", "polydoor", "127.0.0.1:0")
    assert done.returncode == 3
    assert "there is no module shop.wsgy" in done.stderr
    assert "Traceback" not in done.stderr


def test_django_prodserver(project):
    start = ("-W", "error", "manage.py", "server", "web")
    with Server(None, [], start=start, cwd=project, threads=None) as server:
        doors = addresses(server, 2)
        assert [door.name for door in doors] == ["http", "scgi"]
        assert [door.request("GET", "/").status for door in doors] == [200, 200]
    assert "Starting server named web" in server.output.text


def test_django_prodserver_ends_with_the_status_of_ours(project):
    change_settings(project, "PRODUCTION_PROCESSES['web']['ARGS'] = {'theads': 2}\n")
    done = run(project, "manage.py", "server", "web")
    assert done.returncode == 2
    assert "unknown option --theads" in done.stderr


def test_no_host_is_installed_with_us():
    """The packages of the hosts are theirs to install."""
    code = "import sys, polydoor.cli.guest; print({'django', 'flask', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "set()\n"
