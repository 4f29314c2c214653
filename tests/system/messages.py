"""The situations of which tests/golden/messages shows what is said: files, command line, and what is prepared."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
LISTENER = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
LISTENER += "sys.stdin.read()"
UNIX_LISTENER = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('shop.sock'); s.listen(); "
UNIX_LISTENER += "print('bound', flush=True); sys.stdin.read()"

NO_THREAD = """import threading

begin = threading.Thread.start


def start(thread):
    if thread.name == "polydoor-{}":
        raise RuntimeError("can't start new thread")  # as with a low limit of processes
    begin(thread)


threading.Thread.start = start
"""


@dataclass
class Case:
    """One situation."""

    command: str  # as a person types it; PORT and /HERE are filled in
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[ExitStack, Path], dict[str, str]] | None = None  # gives what placeholders stand for
    prefix: tuple[str, ...] = ()  # what runs the command, to take something away from it
    serves: bool = False  # it comes up, and is ended by SIGTERM
    unless: str = ""  # a reason why this machine cannot show it


def hold(stack: ExitStack, folder: Path, code: str) -> dict[str, str]:
    """Let another process listen."""
    command = [sys.executable, "-c", code]
    holder = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(holder.communicate)  # closes its standard input, which ends it
    assert holder.stdout is not None
    said = holder.stdout.readline().strip()
    return {"PORT": said, "PID": str(holder.pid), "SERVER": os.path.basename(sys.executable)}


def hold_port(stack: ExitStack, folder: Path) -> dict[str, str]:
    return hold(stack, folder, LISTENER)


def hold_path(stack: ExitStack, folder: Path) -> dict[str, str]:
    return {**hold(stack, folder, UNIX_LISTENER), "PORT": "-"}


def closed_folder(stack: ExitStack, folder: Path) -> dict[str, str]:
    (folder / "closed").mkdir(mode=0o555)
    stack.callback((folder / "closed").chmod, 0o755)
    return {}


def dangling_file(_stack: ExitStack, folder: Path) -> dict[str, str]:
    (folder / "polydoor.toml").symlink_to("/etc/no-such/shop.toml")
    return {}


def own_link(_stack: ExitStack, folder: Path) -> dict[str, str]:
    """A link to itself, which not even root can read."""
    (folder / "pyproject.toml").symlink_to("pyproject.toml")
    return {}


def closed_to_all(stack: ExitStack, folder: Path) -> dict[str, str]:
    (folder / "locked").chmod(0)
    stack.callback((folder / "locked").chmod, 0o755)
    return {}


def dangling_link(_stack: ExitStack, folder: Path) -> dict[str, str]:
    (folder / "shop.py").symlink_to("shop-2.py")
    return {}


def without(capability: str) -> tuple[str, ...]:
    """Root without one of its privileges; an ordinary user has none."""
    return ("setpriv", "--bounding-set", f"-{capability}", "--inh-caps", f"-{capability}") if os.geteuid() == 0 else ()


READING = without("dac_override,-dac_read_search")
DELETED = ("sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh")


def read_number(path: str) -> int:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except OSError:
        return 0


PORT_START = read_number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
SOMAXCONN = read_number("/proc/sys/net/core/somaxconn")


def passed(count: str) -> tuple[str, ...]:
    """Starts the command as systemd would that passes sockets."""
    return ("sh", "-c", f'LISTEN_FDS={count} LISTEN_PID=$$ exec "$@"', "sh")


LOCAL = "-b 127.0.0.1:0"

USAGE = {
    "option-unknown": Case("polydoor shop:app --thread 3"),
    "option-of-gunicorn": Case("polydoor shop:app --worker-class gthread"),
    "option-of-uwsgi": Case("polydoor --http-socket 127.0.0.1:8000 shop:app"),
    "option-unlike-any": Case("polydoor shop:app --log-level debug"),
    "option-without-value": Case("polydoor shop:app --threads"),
    "app-missing": Case("polydoor -t 2"),
    "app-twice": Case("polydoor shop:app blog:app"),
    "value-out-of-bounds": Case("polydoor shop:app --threads 0"),
    "variable-unknown": Case("polydoor shop:app", env={"POLYDOOR_THREAD": "3"}),
    "variable-value": Case("polydoor shop:app", env={"POLYDOOR_IDLE_TIMEOUT": "soon"}),
    "variable-address": Case("polydoor shop:app", env={"POLYDOOR_BIND": "shop"}),
    "address-https": Case("polydoor shop:app -b https://127.0.0.1:443"),
    "address-unknown-protocol": Case("polydoor shop:app -b htp://127.0.0.1:8000"),
    "address-without-port": Case("polydoor shop:app -b fastcgi://127.0.0.1"),
    "address-with-password": Case("polydoor shop:app -b http://shop:secret@127.0.0.1:8000"),
    "address-ipv6-bare": Case("polydoor shop:app -b ::1:8000"),
    "address-port-too-large": Case("polydoor shop:app -b 127.0.0.1:80000"),
    "address-with-path": Case("polydoor shop:app -b http://127.0.0.1:8000/shop"),
    "address-option-unknown": Case("polydoor shop:app -b scgi://127.0.0.1:4000?alow=10.0.0.1"),
    "address-unix-without-path": Case("polydoor shop:app -b fastcgi+unix:"),
}

FILES = {
    "toml-bad": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nthreads = 4 5\n'}),
    "toml-unknown-key": Case("polydoor", {"pyproject.toml": '[tool.polydoor]\napp = "shop:app"\nthread = 4\n'}),
    "toml-bad-value": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\n\nthreads = "many"\n'}),
    "toml-bad-type": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nthreads = true\n'}),
    "toml-bad-date": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nbacklog = [2048, 1979-05-27]\n'}),
    "toml-bad-address": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nbind = "shop"\n'}),
    "toml-bad-access-log": Case(
        "polydoor", {"polydoor.toml": 'app = "shop:app"\n\naccess-log = "json:log/access.json"\n'}
    ),
    "toml-workers": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nworkers = 0\n'}),
    "toml-key-of-uwsgi": Case("polydoor", {"polydoor.toml": 'app = "shop:app"\nworker_reload_mercy = 30\n'}),
    "toml-key-with-escapes": Case("polydoor", {"polydoor.toml": '"\\u001b[2Japp" = "shop:app"\n'}),
    "config-missing": Case("polydoor --config live.toml"),
    "env-file-bad": Case("polydoor shop:app --env-file .env", {".env": "DEBUG=1\nSHOP NAME=Corner\n"}),
    "env-file-too-late": Case("polydoor shop:app --env-file .env", {".env": "DEBUG=1\nPOLYDOOR_CHDIR=/srv/shop\n"}),
    "env-file-port": Case("polydoor shop:app --env-file .env", {".env": "DEBUG=1\nPORT=abc\n"}),
    "config-dangling": Case("polydoor", prepare=dangling_file),
    "config-endless": Case("polydoor --config /dev/zero"),
    "chdir-missing": Case("polydoor shop:app --chdir /srv/shop"),
    "spill-dir-missing": Case("polydoor shop:app --spill-dir /srv/spill"),
    "check-finds-what-start-would": Case("polydoor check shop:app --access-log json:log/access.json", {"shop.py": APP}),
    "app-dir-missing": Case("polydoor shop:app --app-dir src"),
    "app-dir-locked": Case(
        "polydoor shop:app --app-dir locked", {"locked/shop.py": APP}, prepare=closed_to_all, prefix=READING
    ),
    "folder-deleted": Case("polydoor shop:app", prefix=DELETED),
    "folder-deleted-app-dir": Case("polydoor shop:app --app-dir src", prefix=DELETED),
}

LOADING = {
    "module-missing": Case(f"polydoor guestbok:app {LOCAL}", {"guestbook.py": APP}),
    "module-in-subfolder": Case(f"polydoor shop:app {LOCAL}", {"site/shop.py": APP}),
    "module-in-package": Case(f"polydoor wsgi {LOCAL}", {"mysite/__init__.py": "", "mysite/wsgi.py": APP}),
    "submodule-missing": Case(f"polydoor mysite.wsgj {LOCAL}", {"mysite/__init__.py": "", "mysite/wsgi.py": APP}),
    "module-with-dot-for-colon": Case(f"polydoor shop.app {LOCAL}", {"shop.py": APP}),
    "module-name-with-dash": Case(f"polydoor my-shop:app {LOCAL}", {"my-shop.py": APP}),
    "file-missing": Case(f"polydoor site/shpo.py {LOCAL}", {"site/shop.py": APP}),
    "file-without-py": Case(f"polydoor site/shop:app {LOCAL}", {"site/shop.py": APP}),
    "file-with-slash": Case(f"polydoor shop/ {LOCAL}", {"shop.py": APP}),
    "file-with-slash-behind": Case(f"polydoor check shop.py/:app {LOCAL}", {"shop.py": APP}),
    "file-beside-a-folder": Case(f"polydoor ./shop {LOCAL}", {"shop.py": APP, "shop/views.py": ""}),
    "file-hidden-by-a-package": Case(f"polydoor shop {LOCAL}", {"shop.py": APP, "shop/__init__.py": ""}),
    "file-is-a-folder": Case(f"polydoor ./site {LOCAL}", {"site/shop.py": APP}),
    "file-is-an-empty-folder": Case(f"polydoor shop.py {LOCAL}", {"shop.py/README": ""}),
    "file-is-a-link-to-nowhere": Case(f"polydoor shop.py {LOCAL}", prepare=dangling_link),
    "file-locked": Case(
        f"polydoor locked/shop.py {LOCAL}", {"locked/shop.py": APP}, prepare=closed_to_all, prefix=READING
    ),
    "attribute-empty": Case(f"polydoor shop: {LOCAL}", {"shop.py": APP}),
    "attribute-missing": Case(f"polydoor shop:ap {LOCAL}", {"shop.py": APP}),
    "attribute-default-missing": Case(
        f"polydoor shop {LOCAL}",
        {"shop.py": "import json\n\n" + APP.replace("app(", "serve(") + "\ndef create_app():\n    return serve\n"},
    ),
    "attribute-of-an-empty-module": Case(f"polydoor shop {LOCAL}", {"shop.py": "PORT = 8000\n"}),
    "attribute-not-callable": Case(f"polydoor shop:PAGE {LOCAL}", {"shop.py": APP + "PAGE = 'hello'\n"}),
    "attribute-is-class": Case(f"polydoor shop:Shop {LOCAL}", {"shop.py": "class Shop:\n    pass\n"}),
    "attribute-is-factory": Case(
        f"polydoor shop:create_app {LOCAL}", {"shop.py": APP + "def create_app():\n    return app\n"}
    ),
    "attribute-is-asgi": Case(f"polydoor shop:app {LOCAL}", {"shop.py": "async def app(scope, receive, send): ...\n"}),
    "factory-with-arguments": Case(
        f"polydoor 'shop:create_app()' {LOCAL}", {"shop.py": "def create_app(name, debug=False):\n    pass\n"}
    ),
    "factory-called-with-arguments": Case(
        f"polydoor 'shop:create_app(debug=True)' {LOCAL}", {"shop.py": "def create_app(debug=False):\n    pass\n"}
    ),
    "factory-without-return": Case(f"polydoor 'shop:create_app()' {LOCAL}", {"shop.py": "def create_app(): pass\n"}),
    "factory-fails": Case(
        f"polydoor 'shop:create_app()' {LOCAL}",
        {"shop.py": "def create_app():\n    return read()\n\n\ndef read():\n    return {}['DATABASE']\n"},
    ),
    "import-fails": Case(
        f"polydoor shop:app {LOCAL}",
        {
            "shop.py": "from settings import PORT\n\n" + APP,
            "settings.py": "HALF = 2\n\nPORT = 16000 / (HALF - 2)\n",
        },
    ),
    "import-raises-no-exception": Case(
        f"polydoor shop {LOCAL}",
        {"shop.py": "class Closed(BaseException):\n    pass\n\n\nraise Closed('on Mondays')\n"},
    ),
    "import-raises-the-silent": Case(
        f"polydoor shop {LOCAL}",
        {
            "shop.py": "class Silent(Exception):\n    def __str__(self):\n        raise ValueError\n\n    "
            "__traceback__ = __cause__ = __notes__ = property(__str__)\n\n\nraise Silent\n"
        },
    ),
    "import-raises-the-nameless": Case(
        f"polydoor shop {LOCAL}",
        {
            "shop.py": "class Meta(type):\n    def __getattribute__(self, name):\n        raise ValueError\n\n\n"
            "class Nameless(Exception, metaclass=Meta):\n    pass\n\n\nraise Nameless\n"
        },
    ),
    "import-interrupts": Case(f"polydoor shop {LOCAL}", {"shop.py": "raise KeyboardInterrupt\n"}),
    "import-closes-descriptors": Case(
        f"polydoor shop:app {LOCAL}", {"shop.py": f"import os\n\nos.closerange(3, 1000)\n{APP}"}
    ),
    "import-closes-descriptors-of-a-worker": Case(
        f"polydoor shop:app -w 1 {LOCAL}", {"shop.py": f"import os\n\nos.closerange(3, 1000)\n{APP}"}
    ),
    "no-thread": Case(f"polydoor shop:app {LOCAL}", {"shop.py": NO_THREAD.format("log") + APP}),
    "no-thread-for-messages": Case(f"polydoor shop:app {LOCAL}", {"shop.py": NO_THREAD.format("messages") + APP}),
    "no-thread-in-a-worker": Case(f"polydoor shop:app -w 1 {LOCAL}", {"shop.py": NO_THREAD.format("app-2") + APP}),
    "no-thread-to-be-ready": Case(f"polydoor shop:app --ready / {LOCAL}", {"shop.py": NO_THREAD.format("ready") + APP}),
    "import-with-escapes": Case(f"polydoor shop {LOCAL}", {"shop.py": "raise ValueError('\x1b[2Jred')\n"}),
    "import-of-a-name-with-escapes": Case("polydoor", {"polydoor.toml": 'app = "\\u001b[2Jshop"\n'}),
    "attribute-that-raises": Case(
        f"polydoor shop:site.app {LOCAL}",
        {"shop.py": "class Site:\n    @property\n    def app(self):\n        return {}['app']\n\n\nsite = Site()\n"},
    ),
    "import-fails-in-library": Case(
        f"polydoor shop:app {LOCAL}",
        {
            "shop.py": "import sys\n\nsys.path.append('site-packages')\nimport orm\n\norm.connect()\n",
            "site-packages/orm.py": "def connect():\n    dial()\n\n\ndef dial():\n    raise OSError('no answer')\n",
        },
    ),
    "import-syntax-error": Case(f"polydoor shop:app {LOCAL}", {"shop.py": "def app(environ, start_response:\n"}),
    "import-of-missing": Case(f"polydoor shop:app {LOCAL}", {"shop.py": "import flaskk\n\n" + APP}),
    "import-circular": Case(
        f"polydoor shop:app {LOCAL}",
        {"shop.py": "from models import Order\n\n" + APP, "models.py": "from shop import app\n\n\nclass Order: ...\n"},
    ),
    "import-exits": Case(f"polydoor shop:app {LOCAL}", {"shop.py": "import sys\n\n" + APP + "\nsys.exit(7)\n"}),
}

FLASK = "from flask import Flask\n\n"
FLASK_SERVES = f"polydoor {LOCAL}"

HOSTS = {
    "flask-app-missing": Case(f"flask {FLASK_SERVES}"),
    "flask-module-missing": Case(f"flask --app shpo {FLASK_SERVES}", {"shop.py": FLASK}),
    "flask-module-without-app": Case(f"flask --app shop {FLASK_SERVES}", {"shop.py": FLASK}),
    "flask-attribute-missing": Case(
        f"flask --app shop:nope {FLASK_SERVES}", {"shop.py": FLASK + "app = Flask(__name__)\n"}
    ),
    "flask-attribute-is-no-app": Case(f"flask --app shop:PAGE {FLASK_SERVES}", {"shop.py": "PAGE = 'hello'\n"}),
    "flask-factory-with-arguments": Case(
        f"flask --app shop {FLASK_SERVES}", {"shop.py": FLASK + "def create_app(name):\n    return Flask(name)\n"}
    ),
    "flask-factory-fails": Case(
        f"flask --app shop {FLASK_SERVES}", {"shop.py": "def create_app():\n    return {}['DATABASE']\n"}
    ),
    "flask-import-fails": Case(f"flask --app shop {FLASK_SERVES}", {"shop.py": FLASK + "PORT = 16000 / 0\n"}),
    "flask-import-fails-unnamed": Case(f"flask {FLASK_SERVES}", {"app.py": FLASK + "PORT = 16000 / 0\n"}),
    "flask-import-of-missing": Case(f"flask --app shop {FLASK_SERVES}", {"shop.py": "import flaskk\n"}),
    "flask-syntax-error": Case(f"flask --app shop {FLASK_SERVES}", {"shop.py": "def app(environ, start_response:\n"}),
}

SOCKETS = {
    "port-in-use": Case("polydoor shop:app -b 127.0.0.1:PORT", prepare=hold_port),
    "unix-twice": Case("polydoor shop:app -b unix:shop.sock -b scgi+unix:shop.sock"),
    "unix-in-use": Case("polydoor shop:app -b unix:shop.sock", prepare=hold_path),
    "port-forbidden": Case(
        "polydoor shop:app -b 127.0.0.1:1",
        prefix=without("net_bind_service"),
        unless="every user may take port 1 here" if PORT_START <= 1 else "",
    ),
    "unix-forbidden": Case(
        "polydoor shop:app -b unix:closed/shop.sock", prepare=closed_folder, prefix=without("dac_override")
    ),
    "address-not-here": Case("polydoor shop:app -b 192.0.2.1:8000"),
    "address-is-a-name": Case("polydoor shop:app -b shop.example:8000"),
    "gateway-exposed": Case("polydoor shop:app -b fastcgi://0.0.0.0:9000"),
    "dev-exposed": Case("polydoor shop:app --dev -b 0.0.0.0:8000"),
    "unix-is-a-file": Case("polydoor shop:app -b unix:shop.py", {"shop.py": APP}),
    "unix-without-directory": Case("polydoor shop:app -b unix:run/shop.sock"),
    "descriptor-not-open": Case("polydoor shop:app -b fd://77"),
    "socket-not-passed": Case("polydoor shop:app -b fd://web"),
    "descriptors-too-few": Case("polydoor shop:app", prefix=("sh", "-c", 'ulimit -n 16 && exec "$@"', "sh")),
    "sockets-not-open": Case("polydoor shop:app", prefix=passed("999")),
}

SERVING = {
    "banner": Case(
        "polydoor shop:app -b http://127.0.0.1:0 -b fastcgi+unix:/HERE/shop.sock -t 2", {"shop.py": APP}, serves=True
    ),
    "banner-one-thread": Case("polydoor shop -b 127.0.0.1:0 -t 1", {"shop.py": APP}, serves=True),
    "banner-in-colour": Case(
        "polydoor shop -b 127.0.0.1:0", {"shop.py": APP}, env={"FORCE_COLOR": "1", "NO_COLOR": ""}, serves=True
    ),
    "banner-with-configuration": Case(
        "polydoor", {"shop.py": APP, "polydoor.toml": 'app = "shop"\nbind = ["127.0.0.1:0"]\n'}, serves=True
    ),
    "web-concurrency": Case(
        "polydoor shop -b 127.0.0.1:0", {"shop.py": APP}, env={"WEB_CONCURRENCY": "4"}, serves=True
    ),
    "sockets-of-another": Case(
        "polydoor shop -b 127.0.0.1:0", {"shop.py": APP}, env={"LISTEN_FDS": "1", "LISTEN_PID": "1"}, serves=True
    ),
    "systemd-not-there": Case(
        "polydoor shop -b 127.0.0.1:0", {"shop.py": APP}, env={"NOTIFY_SOCKET": "/nowhere/notify"}, serves=True
    ),
    "backlog-shortened": Case(
        "polydoor shop -b 127.0.0.1:0 --backlog 65535",
        {"shop.py": APP},
        prepare=lambda _stack, _folder: {"SOMAXCONN": str(SOMAXCONN)},
        serves=True,
        unless="the kernel shortens no backlog here" if SOMAXCONN >= 65535 else "",
    ),
    "project-unreadable": Case("polydoor shop -b 127.0.0.1:0", {"shop.py": APP}, prepare=own_link, serves=True),
    "descriptors-few": Case(
        "polydoor shop -b 127.0.0.1:0",
        {"shop.py": APP},
        prefix=("sh", "-c", 'ulimit -n 500 && exec "$@"', "sh"),
        serves=True,
    ),
}

TOKEN = "a-token-of-32-letters-and-digits"
NOBODY = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.close()"
)
OTHER = """
import http.server, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)
    def log_message(self, *words): ...
    def version_string(self): return "nginx/1.22.1"
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
import sys; sys.stdin.read()
"""

FRONT_ENDS = {
    "frontend-test-without-url": Case("polydoor frontend test --token env:DIAGNOSTICS"),
    "frontend-test-without-token": Case("polydoor frontend test http://shop.example/"),
    "frontend-test-bad-url": Case(f"polydoor frontend test shop.example --token {TOKEN}"),
    "frontend-test-short-token": Case("polydoor frontend test http://shop.example/ --token shop"),
    "frontend-test-unset-token": Case("polydoor frontend test http://shop.example/ --token env:DIAGNOSTICS"),
    "frontend-test-short-token-in-file": Case(
        "polydoor frontend test http://shop.example/ --token file:token", {"token": "shop\n"}
    ),
    "frontend-test-unknown-option": Case("polydoor frontend test http://shop.example/ --tokn x"),
    "frontend-test-no-answer": Case(
        f"polydoor frontend test http://127.0.0.1:PORT/ --token {TOKEN}",
        prepare=lambda stack, folder: hold(stack, folder, NOBODY),
    ),
    "frontend-test-no-diagnostics": Case(
        f"polydoor frontend test http://127.0.0.1:PORT/shop --token {TOKEN}",
        prepare=lambda stack, folder: hold(stack, folder, OTHER),
    ),
    "diagnostics-short-token": Case(f"polydoor shop:app {LOCAL} --diagnostics shop", {"shop.py": APP}),
    "diagnostics-unset-token": Case(f"polydoor shop:app {LOCAL} --diagnostics env:DIAGNOSTICS", {"shop.py": APP}),
    "diagnostics-on": Case(f"polydoor shop:app {LOCAL} --diagnostics {TOKEN}", {"shop.py": APP}, serves=True),
    "diagnostics-on-by-file": Case(
        f"polydoor shop:app {LOCAL}",
        {"shop.py": APP, "polydoor.toml": 'diagnostics = "file:token"\n', "token": TOKEN},
        serves=True,
    ),
}

CASES = FRONT_ENDS | USAGE | FILES | LOADING | HOSTS | SOCKETS | SERVING
