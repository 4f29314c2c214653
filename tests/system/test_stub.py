"""The CGI stub: it finds or starts its daemon, passes a request on, and says what it cannot do."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios

import pytest

from support import stub as stubs
from support.server import PATIENCE
from support.stub import Site
from support.waiting import eventually

pytestmark = pytest.mark.timeout(180)
ERROR = (0, 500)


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.kill()


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


# --- the daemon -------------------------------------------------------------------------------------------------------


def test_a_request_starts_the_daemon_and_the_next_one_finds_it(site):
    first, second = site.ask(), site.ask()
    assert stubs.outcome(first) == stubs.outcome(second) == (0, 200), (first, second)
    assert first.text == second.text == f"daemon {site.daemon()}\n"
    assert (first.errors, second.errors) == ("", "")
    record = site.record()
    assert (record["pid"], record["is_ready"], record["failures"]) == (site.daemon(), 1, 0)
    assert [oct(path.stat().st_mode & 0o7777) for path in (site.state, site.socket, site.lock, site.log)] == [
        "0o700",
        "0o600",
        "0o600",
        "0o600",
    ]


def test_a_hundred_first_requests_start_one_daemon(site):
    """Reliability D11."""
    started = [site.start(QUERY_STRING=str(number)) for number in range(100)]
    answers = stubs.finish_all(started)
    assert {stubs.outcome(answer) for answer in answers} == {(0, 200)}, [
        a for a in answers if stubs.outcome(a) != (0, 200)
    ][:3]
    assert len({answer.text for answer in answers}) == 1
    assert sorted(map(int, lines_of(site.journal))) == list(range(100))
    assert lines_of(site.alone) == []


def test_the_daemon_is_detached(site):
    """reliability G9: it has nothing of the request, nor of the web server."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    process = subprocess.Popen(
        [site.stub],
        env=stubs.FOUND
        | stubs.REQUEST
        | {
            "PATH_INFO": "/",
            "LD_PRELOAD_": "x",
            "PYTHONPATH": "/evil",
            "HOME": "/home/shop",
            "LC_ALL": "C",
            "SECRET": "1",
        },
        stdout=subprocess.PIPE,
        pass_fds=[writer],
    )
    os.close(writer)
    assert b"daemon" in process.communicate(timeout=PATIENCE)[0]
    assert os.read(reader, 1) == b""  # nobody holds the other end, although the daemon lives
    os.close(reader)
    pid = site.daemon()
    found = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert (found[0], found[1], found[2]) == ("/dev/null", str(site.log), str(site.log))
    assert found[3].startswith("socket:")
    assert found[4] == str(site.lock)
    with open(f"/proc/{pid}/environ", "rb") as handle:
        environment = dict(text.split(b"=", 1) for text in handle.read().split(b"\0")[:-1])
    assert {b"PATH", b"HOME", b"LC_ALL", b"STANDIN_JOURNAL", b"STANDIN_ALONE"} == set(environment)
    with open(f"/proc/{pid}/status") as handle:
        status = dict(line.split(":\t", 1) for line in handle if ":\t" in line)
    assert int(status["Umask"], 8) == 0o077
    assert (os.getsid(pid) != os.getsid(0), os.readlink(f"/proc/{pid}/cwd")) == (True, str(site.folder))
    assert int(status["SigBlk"], 16) == 0


def test_a_daemon_that_leaves_is_followed_by_another(site):
    site.living("STANDIN_IDLE_MS=1")
    first = site.ask()
    eventually(lambda: not site.socket.exists())
    second = site.ask()
    assert stubs.outcome(first) == stubs.outcome(second) == (0, 200)
    assert first.text != second.text
    assert lines_of(site.alone) == []


def test_a_killed_daemon_is_followed_by_another(site):
    first = site.ask().text
    site.kill()
    second = site.ask()
    assert stubs.outcome(second) == (0, 200), second
    assert second.text != first


def test_a_request_that_no_application_has_seen_is_sent_again(site):
    """Reliability D12: it sat in the backlog of a daemon that was killed."""
    site.ask()
    blocking = site.start("/wait", QUERY_STRING="waits")
    eventually(lambda: "waits" in lines_of(site.journal))
    body = b"x" * 30_000
    waiting = site.start(REQUEST_METHOD="POST", CONTENT_LENGTH="30000", QUERY_STRING="once")
    waiting.stdin.write(body)
    waiting.stdin.flush()
    eventually(lambda: backlog(site.socket) == 1)
    site.kill()
    broken, answer = stubs.finish(blocking), stubs.finish(waiting)
    assert stubs.outcome(broken) == (0, 502)
    assert "PD0796: the daemon ended before it answered" in broken.errors
    assert stubs.outcome(answer) == (0, 200), answer
    assert lines_of(site.journal).count("once") == 1


def backlog(path):
    """How many wait at a Unix socket."""
    shown = subprocess.run(["ss", "-xlnH", "src", str(path)], capture_output=True, text=True, check=True).stdout
    return int(shown.split()[2]) if shown else -1


@pytest.mark.parametrize("body", [b"", b"x" * 200_000], ids=["without a body", "with one"])
def test_a_daemon_that_dies_in_a_request_is_a_502_and_never_asked_twice(site, body):
    answer = site.ask("/die", body, QUERY_STRING="died")
    assert stubs.outcome(answer) == (0, 502)
    assert answer.response.header("content-type") == "text/html; charset=utf-8"
    assert f"its log is {site.log}" in answer.errors
    assert lines_of(site.journal) == ["died"]
    assert stubs.outcome(site.ask()) == (0, 200)


def test_a_response_that_breaks_off_ends_with_a_failure(site):
    answer = site.ask("/cut")
    assert answer.status == 1
    assert answer.response.body == b""
    assert "PD0797" in answer.errors


def test_a_daemon_that_does_not_boot_is_replaced_by_cgi_in_a_few_slots(site):
    site.living("STANDIN_FAIL=0")
    processes = [site.start("/wait") for _ in range(4)]
    heads = [process.stdout.readline() for process in processes]
    assert heads == [b"Status: 200 OK\r\n"] * 4
    answer = site.ask()
    assert stubs.outcome(answer) == (0, 503)
    assert "PD0795: busy: the daemon does not start" in answer.errors
    assert site.record()["failures"] >= 1  # more, where the requests were slow to come
    for process in processes:
        process.kill()
        stubs.finish(process)
    answer = site.ask()
    assert stubs.outcome(answer) == (0, 200)
    assert answer.text.startswith("cgi ")


def test_a_daemon_that_takes_long_to_fail_is_started_once_for_a_request(site):
    site.living("STANDIN_FAIL=1200")  # longer than the pause after a first failure
    answer = site.ask()
    assert stubs.outcome(answer) == (0, 200)
    assert answer.text.startswith("cgi ")
    assert site.record()["failures"] == 1


def test_a_lock_that_somebody_holds_all_the_time_is_told(site):
    site.write(start_timeout=1)
    assert stubs.outcome(site.ask()) == (0, 200)
    with site.lock.open("r+b") as handle:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
        answer = site.ask()
    assert stubs.outcome(answer) == (0, 503)
    assert "PD0795: busy: other processes hold the lock file" in answer.errors
    assert stubs.outcome(site.ask()) == (0, 200)


# --- busy -------------------------------------------------------------------------------------------------------------


def test_a_full_backlog_is_answered_at_once(site):
    site.living("STANDIN_BACKLOG=1")
    site.write(busy_page=str(site.folder / "busy.html"), retry_after=7)
    (site.folder / "busy.html").write_text("<p>come back</p>")
    site.ask()
    waiting = [site.start("/wait", QUERY_STRING="waits")]
    eventually(lambda: "waits" in lines_of(site.journal))
    waiting += [site.start("/"), site.start("/")]
    eventually(lambda: backlog(site.socket) == 2)
    answer, head = site.ask(), site.ask(REQUEST_METHOD="HEAD")
    assert stubs.outcome(answer) == stubs.outcome(head) == (0, 503)
    assert (answer.response.body, head.response.body) == (b"<p>come back</p>", b"")
    assert answer.response.header("retry-after") == "7"
    assert answer.response.header("cache-control") == "no-store"
    assert "PD0795: busy: as many requests as `backlog` allows" in answer.errors
    for process in waiting:
        process.kill()
        stubs.finish(process)


def test_a_daemon_that_does_not_answer_is_busy(site):
    """While it boots, the longer start-timeout counts."""
    site.ask()
    site.write(patience=1)
    answer = site.ask("/wait")
    assert stubs.outcome(answer) == (0, 503)
    assert b"The application is busy" in answer.response.body
    assert "does not answer in time" in answer.errors


def test_a_daemon_that_says_so_is_busy(site):
    assert stubs.outcome(site.ask("/overload")) == (0, 503)


# --- as CGI -----------------------------------------------------------------------------------------------------------


def test_below_the_threshold_requests_run_as_cgi(site):
    site.write(exec_below=3, options=["--stream", "-t", "2"])
    first, second, third = (site.ask("/x", SECRET="1", HTTP_PROXY="http://evil/") for _ in range(3))
    assert [answer.text.split()[0] for answer in (first, second, third)] == ["cgi", "cgi", "daemon"]
    words = [line.removeprefix("word ") for line in first.text.splitlines() if line.startswith("word ")]
    assert words == ["-m", "polydoor", "cgi", "--stream", "-t", "2", "shop:app"]
    seen = first.variables
    assert (seen["PATH_INFO"], seen["STANDIN_JOURNAL"]) == ("/x", str(site.journal))
    assert not {"SECRET", "HTTP_PROXY"} & set(seen)


@pytest.mark.parametrize("why", ["few requests", "no daemon"])
def test_a_body_reaches_the_program_that_runs_as_cgi(site, why):
    if why == "few requests":
        site.write(exec_below=1000)
    else:
        site.living("STANDIN_FAIL=0")
    answer = site.ask("/x", b"u" * 50_000)
    assert stubs.outcome(answer) == (0, 200), answer
    assert answer.text.startswith("cgi ")
    assert answer.text.endswith("\nbody 50000\n")


# --- forwarding -------------------------------------------------------------------------------------------------------


def test_only_what_is_of_the_request_is_passed_on(site):
    hostile = {
        "LD_PRELOAD_": "/evil.so",
        "PYTHONPATH": "/evil",
        "PYTHONSTARTUP": "/evil",
        "IFS": "x",
        "HTTP_PROXY": "http://evil/",
        "HTTP_X_LONG": "y" * 100_000,
        "HTTP_EMPTY": "",
        "HTTP_UTF": "\u00e4",
        "REMOTE_USER": "eve",
    }
    seen = site.ask("/echo", **hostile)
    assert stubs.outcome(seen) == (0, 200), seen
    assert {"HTTP_X_LONG", "HTTP_EMPTY", "HTTP_UTF", "REMOTE_USER", "PATH_INFO"} <= set(seen.variables)
    assert not {"LD_PRELOAD_", "PYTHONPATH", "PYTHONSTARTUP", "IFS", "HTTP_PROXY", "PATH"} & set(seen.variables)
    assert "HTTP_X_LONG=" + "y" * 100 + " (100000)" in seen.text


def test_as_many_variables_as_the_kernel_takes(site):
    many = {f"HTTP_X_{number}": "" for number in range(20_000)} | {f"X_{number}": "v" for number in range(20_000)}
    large = {f"HTTP_LARGE_{number}": "z" * 130_000 for number in range(3)}
    seen = site.ask("/echo", **many, **large)
    assert stubs.outcome(seen) == (0, 200), seen.errors
    assert sum(name.startswith("HTTP_X_") for name in seen.variables) == 20_000
    assert seen.text.count(" (130000)\n") == 3


@pytest.mark.parametrize(
    ("announced", "sent", "read"),
    [("70000", 70_000, 70_000), ("5", 9, 5), (None, 9, 0), ("", 9, 0), ("9x", 9, 0), ("200000", 1000, 1000)],
)
def test_as_much_of_standard_input_as_is_announced(site, announced, sent, read):
    """Reliability G10."""
    variables = {} if announced is None else {"CONTENT_LENGTH": announced}
    answer = stubs.finish(site.start("/echo", REQUEST_METHOD="POST", **variables), b"b" * sent)
    assert f"\nbody {read}\n" in answer.text


def test_a_large_body_and_a_large_response(site):
    answer = site.ask("/echo", b"u" * 3_000_000)
    assert "\nbody 3000000\n" in answer.text
    assert len(site.ask("/flood", QUERY_STRING="40").output) > 40 * 65_000


def waiting(process):
    """How many bytes of its standard input a process has not read."""
    found = fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))
    return struct.unpack("=i", found)[0]


@pytest.mark.parametrize(("announced", "sent"), [(30_000, 0), (30_000, 29_999), (200_000, 0)])
def test_an_upload_that_stalls_takes_no_place_of_the_daemon(site, announced, sent):
    """The stand-in serves one connection after the other."""
    site.ask()
    stalled = site.start("/echo", REQUEST_METHOD="POST", CONTENT_LENGTH=str(announced))
    stalled.stdin.write(b"s" * sent)
    stalled.stdin.flush()
    assert eventually(lambda: waiting(stalled) == 0)
    assert stubs.outcome(site.ask()) == (0, 200)
    assert backlog(site.socket) == 0
    answer = stubs.finish(stalled, b"s" * (announced - sent))
    assert f"\nbody {announced}\n" in answer.text


def test_large_uploads_have_places_of_their_own(site):
    site.write(uploads=1)
    site.ask()
    first = site.start(REQUEST_METHOD="POST", CONTENT_LENGTH="200000")
    first.stdin.write(b"s" * 100_000)
    first.stdin.flush()
    assert eventually(lambda: waiting(first) == 0)
    second = site.ask(body=b"s" * 200_000)
    assert stubs.outcome(second) == (0, 503)
    assert "PD0795: busy: as many large uploads as `uploads` allows" in second.errors
    assert stubs.outcome(stubs.finish(first, b"s" * 100_000)) == (0, 200)
    assert stubs.outcome(site.ask(body=b"s" * 200_000)) == (0, 200)


def test_closed_standard_descriptors(site):
    ran = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" <&- 2>&-', site.stub],
        env=stubs.FOUND | stubs.REQUEST | {"PATH_INFO": "/echo", "CONTENT_LENGTH": "3"},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert b"\nbody 0\n" in ran.stdout


def test_a_client_that_leaves_ends_the_chain(site):
    site.ask()
    process = site.start("/wait", QUERY_STRING="waits")
    eventually(lambda: "waits" in lines_of(site.journal))
    process.stdout.close()
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


def test_waiting_costs_little_memory(tmp_path):
    """Its own pages; those of the program are the file's, and the same for all stubs."""
    site = Site(tmp_path, stubs.released())
    site.ask()
    process = site.start("/wait", QUERY_STRING="waits")
    try:
        eventually(lambda: "waits" in lines_of(site.journal))
        with open(f"/proc/{process.pid}/smaps_rollup") as handle:
            sizes = {line.split()[0]: int(line.split()[1]) for line in handle if line.endswith("kB\n")}
        print(sizes)
        assert 0 < sizes["Anonymous:"] <= 200, sizes
    finally:
        process.kill()
        stubs.finish(process)
        site.kill()


# --- where the configuration comes from -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["symlink", "hard link", "#!"])
def test_the_configuration_is_that_of_the_name(site, kind):
    other = site.folder / "cgi-bin" / "other.cgi"
    other.parent.mkdir()
    if kind == "symlink":
        other.symlink_to(site.stub)
    elif kind == "hard link":
        os.link(site.stub, other)
    else:
        other.write_text(f"#!{site.stub} --config=/evil\n")
        other.chmod(0o755)
    site.config.rename(other.parent / ".ht-other.cgi.conf")
    site.stub, before = other, site.stub
    assert stubs.outcome(site.ask()) == (0, 200)
    site.stub = before
    missing = site.ask()
    assert stubs.outcome(missing) == ERROR
    assert f"PD0790: there is no configuration {site.config}" in missing.errors


def test_words_on_the_command_line_are_not_read(site):
    """CVE-2012-1823; reliability G8."""
    ran = subprocess.run(
        [site.stub, "-s", "--socket=/evil", "POLYDOOR_CGI_CONFIG=/evil"],
        executable="./shop.cgi",
        cwd=site.folder,
        env=stubs.FOUND | stubs.REQUEST | {"PATH_INFO": "/echo", "QUERY_STRING": "-s"},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert ran.stdout.startswith(b"Status: 200 OK\r\n")


def test_the_web_server_may_set_everything_by_variables(site):
    site.config.unlink()
    variables = {
        f"POLYDOOR_CGI_{name.upper()}": str(site.keys[name]) for name in ("app", "python", "directory", "state")
    }
    answer = site.ask(**variables)
    assert stubs.outcome(answer) == (0, 200), answer
    site.kill()
    site.write(python="/nowhere")
    elsewhere = site.config.rename(site.folder / "elsewhere.conf")
    answer = site.ask(**variables, POLYDOOR_CGI_CONFIG=str(elsewhere))
    assert stubs.outcome(answer) == (0, 200), answer


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"POLYDOOR_CGI_PATIENS": "1"}, "unknown variable POLYDOOR_CGI_PATIENS. Meant may be: patience\n"),
        ({"POLYDOOR_CGI_PATIENCE": "soon"}, "the variable for the key patience needs a whole number from 1 to 3600"),
        ({"POLYDOOR_CGI_CONFIG": "shop.conf"}, "POLYDOOR_CGI_CONFIG needs an absolute path"),
        ({"POLYDOOR_CGI_CONFIG": "/nowhere"}, "there is no configuration /nowhere"),
    ],
)
def test_wrong_variables_are_told(site, variables, told):
    answer = site.ask(**variables)
    assert stubs.outcome(answer) == ERROR
    assert f"polydoor-cgi: PD0790: {told}" in answer.errors
    assert "PD0790" not in answer.text


def test_a_wrong_file_is_told_in_the_log_alone(site):
    site.config.write_text(site.config.read_text() + "patiens = 3\n")
    answer = site.ask()
    assert stubs.outcome(answer) == ERROR
    number = site.config.read_text().count("\n")
    assert (
        answer.errors == f"polydoor-cgi: PD0790: {site.config}:{number}: unknown key patiens. Meant may be: patience\n"
    )
    assert str(site.folder) not in answer.text


@pytest.mark.parametrize("fault", ["symlink", "writable", "fifo", "large", "directory"])
def test_a_configuration_that_others_may_have_written_is_refused(site, fault):
    """Reliability G11."""
    if fault == "symlink":
        site.config.symlink_to(site.config.rename(site.folder / "real"))
    elif fault == "writable":
        site.config.chmod(0o620)
    elif fault == "large":
        site.config.write_text("#" * 65_537)
    else:
        site.config.unlink()
        (os.mkfifo if fault == "fifo" else os.mkdir)(site.config)
    answer = site.ask()
    assert stubs.outcome(answer) == ERROR
    assert f"PD0790: the configuration {site.config}: " in answer.errors
    assert not site.state.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_configuration_of_another_user_is_refused(site):
    os.chown(site.config, 65534, -1)
    assert "belongs neither to this user nor to the owner of the stub" in site.ask().errors
    os.chown(site.stub, 65534, -1)
    assert stubs.outcome(site.ask()) == (0, 200)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a stub of another user")
def test_a_setuid_stub_is_refused(tmp_path):
    site = Site(tmp_path, stubs.released())
    os.chown(site.stub, 65534, 65534)
    site.stub.chmod(0o4755)
    answer = site.ask()
    assert stubs.outcome(answer) == ERROR
    assert "setuid" in answer.errors


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["none", "writable", "symlink", "long"])
def test_a_state_that_will_not_do_is_moved(site, fault):
    """Reliability G12."""
    if fault == "none":
        site.write(state=None)
    elif fault == "writable":
        site.state.mkdir()
        site.state.chmod(0o777)
    elif fault == "symlink":
        site.state.symlink_to(site.folder)
    else:
        site.write(state=str(site.folder / ("x" * 100)))
    moved = stubs.fallback(site.config)
    site.lock = type(site.lock)(moved, "lock")
    try:
        answer = site.ask()
        assert stubs.outcome(answer) == (0, 200), answer
        assert sorted(os.listdir(moved)) == ["lock", "log", "socket"]
        assert os.stat(moved).st_mode & 0o777 == 0o700
    finally:
        site.kill()
        for name in os.listdir(moved):
            os.unlink(f"{moved}/{name}")
        os.rmdir(moved)


def test_a_place_that_somebody_else_took_is_refused(site):
    site.write(state=None)
    moved = stubs.fallback(site.config)
    os.makedirs(os.path.dirname(moved), 0o700, exist_ok=True)
    os.symlink(site.folder, moved)
    try:
        answer = site.ask()
        assert stubs.outcome(answer) == ERROR
        assert f"PD0791: state is not given, and {moved} is no directory of this user" in answer.errors
    finally:
        os.unlink(moved)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to listen as another user")
def test_a_socket_of_somebody_else_is_refused(site):
    site.write(socket=str(site.folder / "planted"))
    listen = (
        "import os, socket; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX)\n"
        "s.bind('planted'); s.listen(); print('ready', flush=True); s.accept()"
    )
    site.folder.chmod(0o777)
    with subprocess.Popen(["python3", "-c", listen], cwd=site.folder, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"ready\n"
            answer = site.ask()
            assert stubs.outcome(answer) == ERROR
            assert "PD0792" in answer.errors
        finally:
            other.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_log_of_somebody_else_is_not_written(site):
    planted = site.folder / "planted"
    planted.write_text("")
    planted.chmod(0o666)
    os.chown(planted, 65534, -1)
    site.write(log=str(planted), python="/nowhere/python3")
    errors = site.ask().errors
    assert errors.count(f"PD0793: cannot write the log {planted}: Operation not permitted") == 1
    assert "PD0793: cannot execute" in errors
    assert planted.read_text() == ""


def test_a_file_in_the_place_of_the_socket_stays(site):
    site.state.mkdir(0o700)
    site.socket.write_text("dear")
    answer = site.ask()
    assert stubs.outcome(answer) == ERROR
    assert "PD0792" in answer.errors
    assert site.socket.read_text() == "dear"


def test_a_python_that_is_not_there_is_told(site):
    site.write(python="/nowhere/python3")
    answer = site.ask()
    assert stubs.outcome(answer) == ERROR
    assert "PD0793: cannot execute /nowhere/python3: No such file or directory" in answer.errors
    assert "PD0794: cannot execute /nowhere/python3: No such file or directory" in answer.errors
    assert "PD0793" in site.log.read_text()


# --- nothing around it ------------------------------------------------------------------------------------------------


def test_an_empty_root(tmp_path):
    """The stub needs no file but its own: no C library, no /dev, no /proc."""
    stub = stubs.released()
    if b"statically linked" not in subprocess.run(["file", stub], capture_output=True, check=True).stdout:
        pytest.skip("there is no static C library")
    site = Site(tmp_path, stub)
    assert stubs.outcome(site.ask()) == (0, 200)  # the daemon lives outside
    keys = {"python": "/python", "directory": "/", "state": "/state", "environment": None}
    site.write(**keys)
    enter = ["unshare", "-r"] if os.geteuid() else []
    command = [*enter, "chroot", str(site.folder), "/shop.cgi"]
    done = subprocess.run(command, env=stubs.FOUND | stubs.REQUEST, capture_output=True, timeout=PATIENCE, check=False)
    if enter and b"unshare failed" in done.stderr:
        pytest.skip("this user may not make namespaces")
    assert done.stdout.endswith(b"daemon %d\n" % site.daemon()), done
    site.kill()
    done = subprocess.run(command, env=stubs.FOUND | stubs.REQUEST, capture_output=True, timeout=PATIENCE, check=False)
    assert done.stdout.startswith(b"Status: 500 ")
    assert b"PD0793: cannot open /dev/null" in done.stderr


def test_somebody_at_a_terminal_is_told(site):
    done = subprocess.run([site.stub], env=stubs.FOUND, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "polydoor-cgi: PD0798: there is no CGI request in the environment. "
        "A web server starts this program for each request.\n"
    )
