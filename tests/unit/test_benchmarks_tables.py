"""The cases are whole, and the tables show what was measured, met and missed."""

import json

import pytest

import cases
import footprint
import frontend
import machine
import processes
import rounds
import run
import servers
import tables
from cases import CASES, Case, Entry, Target, at_least, at_most

CASE = Case(
    key="scgi",
    title="SCGI",
    entries=(Entry("polydoor", door="scgi"), Entry("uwsgi", door="scgi"), Entry("floor", door="scgi")),
    references=("uwsgi-scgi", "floor-scgi"),
    targets=(
        Target("polydoor-scgi", "uwsgi-scgi", at_most(1.0), at_most(0.5)),
        Target("polydoor-scgi", "floor-scgi", goal=at_most(1.2)),
    ),
    notes=("A note.",),
)
PLAN = rounds.Plan(seconds=2.0, rounds=3, server_core=0, load_core=1)


def sample(cost, requests=1000, faults=()):
    return rounds.Sample(
        requests=requests,
        seconds=0.5,
        cpu_seconds=cost * requests / 1e6,
        bytes=150 * requests,
        faults=list(faults),
        in_time=requests,
        latency={"p50": 0.0002, "p99": 0.0015, "p99.9": 0.003},
        load_cpu_seconds=0.1,
    )


def outcome(**costs):
    samples = {f"{kind}-scgi": [sample(cost) for cost in each] for kind, each in costs.items()}
    return rounds.Outcome(CASE, samples)


def test_terminal_table_whole():
    table = tables.case_table(outcome(polydoor=[9.0, 8.0, 10.0], uwsgi=[12.0, 13.0, 12.5], floor=[7.5, 7.5, 7.5]))
    delays = "   200    1500      3000"
    assert tables.text(table).splitlines() == [
        "server               µs CPU/request  lowest – highest  requests/s  p50 µs  p99 µs  p99.9 µs  "
        "× uWSGI SCGI  × empty C",
        "-" * 116,
        f"Polydoor SCGI                  9.00      8.00 – 10.00        2000  {delays}          0.75       1.20",
        f"uWSGI SCGI                    12.50     12.00 – 13.00        2000  {delays}          1.00       1.67",
        f"empty C server SCGI            7.50       7.50 – 7.50        2000  {delays}          0.60       1.00",
    ]


def test_target_table_whole():
    found = outcome(polydoor=[9.0, 8.0, 10.0, 9.0, 9.0], uwsgi=[12.0, 13.0, 12.5, 12.0, 12.0], floor=[7.5] * 5)
    assert tables.target_table([found])[1:] == [
        (
            "scgi: Polydoor SCGI to uWSGI SCGI",
            "0.75",
            "0.62 – 0.80",
            "0.80",
            "≤ 1.00",
            "met",
            "≤ 0.50",
            "missed by 50%",
        ),
        ("scgi: Polydoor SCGI to empty C server SCGI", "1.20", "1.07 – 1.33", "1.33", "", "", "≤ 1.20", "not shown"),
    ]


def test_few_rounds_show_nothing():
    row = tables.target_table([outcome(polydoor=[9.0], uwsgi=[12.0], floor=[7.5])])[1]
    assert row[1:6] == ("0.75", "0.75 – 0.75", "–", "≤ 1.00", "not shown")


def test_absent_server_is_shown_as_not_measured():
    found = outcome(polydoor=[9.0], floor=[7.5])
    found.absent["uwsgi-scgi"] = "it did not start"
    assert tables.case_table(found)[2][:2] == ("uWSGI SCGI", "not measured")
    assert tables.target_table([found])[1][1:] == ("not measured", "", "", "≤ 1.00", "", "≤ 0.50", "")
    assert tables.remarks(found) == ["A note.", "uWSGI SCGI was not measured: it did not start"]


def test_throughput_case_compares_rates():
    case = next(case for case in CASES if case.key == "wait")
    rates = {"polydoor-t1": 1600, "polydoor-t5": 7200, "gunicorn-t5": 6000}
    found = rounds.Outcome(case, {key: [sample(1.0, rate // 2)] * 5 for key, rate in rates.items()})
    rows = tables.target_table([found])
    assert rows[1][:3] == ("wait: Polydoor -t 5 to 5 × Polydoor -t 1", "0.90", "0.90 – 0.90")
    assert rows[1][3:6] == ("0.90", "≥ 0.85", "met")
    assert rows[2][:3] == ("wait: Polydoor -t 5 to gunicorn gthread, 5 threads", "1.20", "1.20 – 1.20")
    assert rows[2][3:6] == ("1.20", "≥ 1.00", "met")


def test_gain_of_two_processes_is_compared_with_that_of_the_floor():
    case = next(case for case in CASES if case.key == "scale")
    rates = {"polydoor-w1": 1000, "polydoor-w2": 1800, "floor-w1": 2000, "floor-w2": 4000}
    found = rounds.Outcome(case, {key: [sample(1.0, rate)] * 5 for key, rate in rates.items()})
    (row,) = tables.target_table([found])[1:]
    assert row[0] == "scale: Polydoor -w 2 by Polydoor -w 1 to empty C server, 2 processes by empty C server"
    assert row[1] == "0.90"


def test_latency_is_compared_where_the_target_says_so():
    case = next(case for case in CASES if case.key == "rare")
    found = rounds.Outcome(case, {"polydoor-t5": [sample(1.0)] * 5, "granian-t5": [sample(1.0, 900)] * 5})
    rows = {row[0]: row for row in tables.target_table([found])}
    assert rows["rare: p99 of Polydoor -t 5 to granian, 5 threads"][1:4] == ("1.00", "1.00 – 1.00", "1.00")
    assert rows["rare: Polydoor -t 5 to granian, 5 threads"][1] == "1.11"


def test_servers_are_compared_at_their_best_thread_count():
    case = next(case for case in CASES if case.key == "best-rare")
    rates = {"polydoor-t16": 1000, "polydoor-t64": 1200, "granian-t16": 1000, "granian-t64": 900}
    found = rounds.Outcome(case, {key: [sample(1.0, rate // 2)] * 5 for key, rate in rates.items()})
    rows = {row[0]: row for row in tables.target_table([found])}
    assert rows["best-rare: Polydoor to granian, both at their best"][1:4] == ("1.20", "1.20 – 1.20", "1.20")
    assert rows["best-rare: p99 of Polydoor to granian, both at their best"][1] == "1.00"
    assert rows["best-rare: Polydoor to waitress, both at their best"][1] == "not measured"
    assert {target.other for target in case.narrowed(["polydoor", "granian"]).targets} == {"granian"}


@pytest.mark.parametrize(("app", "size"), [("hello", 13), ("rare", 13), ("large", 1_000_000), ("yields", 80_000)])
def test_right_body_is_that_of_the_application(app, size):
    assert len(rounds.body_of(app)) == size


PLAIN = [case for case in CASES if not case.file_size and not case.upload_size]


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.key)
def test_case_tells_the_load_what_is_right(case, tmp_path):
    options = rounds._options(case, case.entries[0], PLAN, tmp_path)
    assert options[:2] == ["-c", str(case.connections)]
    assert (tmp_path / "expected").read_bytes() == rounds.body_of(case.app)


def test_downloads_are_counted_and_compared_by_length(tmp_path):
    case = next(case for case in CASES if case.key == "download")
    options = " ".join(rounds._options(case, case.entries[0], PLAN, tmp_path))
    assert options == "-c 1 -n 5 --timeout 120 --check length --length 1000000000"


def test_uploads_are_counted_and_answered_with_their_length(tmp_path):
    case = next(case for case in CASES if case.key == "upload")
    options = " ".join(rounds._options(case, case.entries[0], PLAN, tmp_path))
    assert options == f"-c 1 -n 8 --timeout 120 --body 100000000 --expect {tmp_path}/expected"
    assert (tmp_path / "expected").read_bytes() == b"100000000"


def test_chunked_response_is_read():
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\nC\r\n0\r\n\r\n, World\r\n"
    assert not rounds.is_whole(response)
    assert rounds.is_whole(response + b"0\r\n\r\n")
    assert rounds.unchunked(response.partition(b"\r\n\r\n")[2] + b"0\r\n\r\n") == b"Hello0\r\n\r\n, World"


def test_few_requests_per_second_have_a_fraction():
    assert [tables.rate_text(rate) for rate in (1.234, 99.9, 100.4)] == ["1.23", "99.90", "100"]


def test_markdown_keeps_columns_and_alignment():
    assert tables.markdown([("server", "µs"), ("a", "1.00")]) == "| server | µs |\n| --- | ---: |\n| a | 1.00 |"


def test_page_and_document_hold_everything():
    found = outcome(polydoor=[9.0], uwsgi=[12.0], floor=[7.5])
    page = tables.page([found], PLAN, {"processor": "a fast one"})
    assert "Medians of 3 interleaved rounds of 2 s; the server on core 0" in page
    assert "| processor | a fast one |" in page
    assert "A note." in page
    data = json.loads(json.dumps(tables.document([found], PLAN, {"processor": "a fast one"})))
    assert data["facts"] == {"processor": "a fast one"}
    assert data["plan"]["rounds"] == 3
    assert data["cases"]["scgi"]["samples"]["uwsgi-scgi"][0]["cpu_seconds"] == pytest.approx(0.012)
    ratio = data["cases"]["scgi"]["ratios"][0]
    assert (ratio["entry"], ratio["other"], ratio["must"]) == ("polydoor-scgi", "uwsgi-scgi", "≤ 1.00")
    assert ratio["values"] == [pytest.approx(0.75)]


def test_noise_is_that_of_the_middle_server():
    assert tables.noise([outcome(polydoor=[10.0, 11.0], uwsgi=[10.0, 10.0], floor=[10.0, 30.0])]) == pytest.approx(
        1.0 / 10.5
    )
    assert tables.noise([]) == 0


def test_faults_name_case_server_and_round():
    found = rounds.Outcome(CASE, {"floor-scgi": [sample(1.0), sample(1.0, faults=["2 errors of kind read"])]})
    assert list(found.faults()) == ["scgi, empty C server SCGI, round 2: 2 errors of kind read"]


def test_server_that_breaks_is_left_out_and_told(monkeypatch):
    def measured(case, entry, plan):
        if entry.kind == "uwsgi":
            raise processes.ServerError("uWSGI SCGI does not listen (exit status 1):\nno such option")
        return sample(9.0)

    monkeypatch.setattr(rounds, "_sample", measured)
    monkeypatch.setattr(frontend, "program", lambda: "/usr/sbin/nginx")
    seen = []
    found = rounds.run(
        CASE, PLAN, {"uwsgi": "2.0.31"}, lambda case, number, entry, one: seen.append((number, entry.kind))
    )
    assert list(found.faults()) == ["scgi, uWSGI SCGI, round 1: uWSGI SCGI does not listen (exit status 1):"]
    assert found.absent["uwsgi-scgi"].endswith("no such option")
    first = [(1, "polydoor"), (1, "uwsgi"), (1, "floor")]
    assert seen == [*first, *((number, kind) for number in (2, 3) for kind in ("polydoor", "floor"))]


def test_server_that_is_not_installed_is_no_fault(monkeypatch):
    monkeypatch.setattr(rounds, "_sample", lambda case, entry, plan: sample(9.0))
    monkeypatch.setattr(frontend, "program", lambda: "/usr/sbin/nginx")
    found = rounds.run(CASE, PLAN, {}, lambda *_: None)
    assert list(found.faults()) == []
    assert list(found.absent) == ["uwsgi-scgi"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_case_names_only_servers_that_it_has(case):
    keys = [entry.key for entry in case.entries]
    assert len(keys) == len(set(keys))
    assert set(case.references) <= set(keys)
    assert set(case.aside) <= set(keys)
    for target in case.targets:
        assert set(target.needs()) <= set(keys)
        assert not target.is_best or {target.entry, target.other} <= {entry.kind for entry in case.entries}
        assert target.must or target.goal
    assert all(entry.kind in servers.KINDS for entry in case.entries)


def test_musts_are_those_of_the_plan():
    musts = {
        (case.key, target.entry, target.other): (target.must.limit, target.must.is_least, target.factor)
        for case in CASES
        for target in case.targets
        if target.must
    }
    assert musts == {
        ("hello", "polydoor-t1", "fastpysgi"): (1.15, False, 1),
        ("hello", "polydoor-t5", "fastpysgi"): (1.15, False, 1),
        ("fastcgi", "polydoor-fastcgi", "uwsgi-fastcgi"): (0.45, False, 1),
        ("scgi", "polydoor-scgi", "uwsgi-scgi"): (1.0, False, 1),
        ("wait", "polydoor-t5", "polydoor-t1"): (0.85, True, 5),
        ("wait", "polydoor-t5", "gunicorn-t5"): (1.0, True, 1),
    }


def test_narrowed_case_drops_what_cannot_be_compared():
    found = CASE.narrowed(["polydoor", "floor"])
    assert [entry.key for entry in found.entries] == ["polydoor-scgi", "floor-scgi"]
    assert found.references == ("floor-scgi",)
    assert [target.other for target in found.targets] == ["floor-scgi"]


TOLD_OTHERWISE = {servers.CALL, "php-fpm", "nginx", *(kind for kind in servers.KINDS if kind.startswith("cgi-"))}
NO_APP = {"floor", "sink", "mod_php"}
NO_THREADS = {*NO_APP, "fastpysgi", "fastpysgi-closing", "bjoern", "gunicorn-sync", "flup", "flup-fork", "mod_wsgi"}


@pytest.mark.parametrize("kind", [kind for kind in servers.KINDS if kind not in TOLD_OTHERWISE])
def test_every_server_is_told_app_address_and_threads(kind, tmp_path):
    place = servers.Place("http", "127.0.0.1:8765", "hello", 5, tmp_path)
    words = " ".join(servers.KINDS[kind].command(place))
    assert "8765" in words
    if kind not in NO_APP:
        assert "hello" in words
    if kind not in NO_THREADS:
        assert "5" in words.replace("8765", "").replace("=", " ").split()


def test_settings_of_each_server_are_shown():
    case = cases.Case(
        "hello", "Hello", (Entry("polydoor", 5, has_threads=True), Entry("uwsgi"), Entry("cheroot")), (), ()
    )
    found = rounds.Outcome(case, {"polydoor-t5": [sample(9.0)], "uwsgi": [sample(9.0)]})
    polydoor, uwsgi = tables.settings_table([found, found])[1:]
    assert polydoor[0] == "Polydoor -t 5"
    assert polydoor[1].endswith("-m polydoor APP:application -b http://HOST:PORT -t 5")
    assert uwsgi[0] == "uWSGI, 1 thread"
    assert uwsgi[1].startswith("uwsgi --master ")
    assert str(processes.APPS) not in uwsgi[1]


@pytest.mark.parametrize("kind", [servers.CALL, "mod_php"])
def test_settings_name_no_folder_of_this_machine(kind, tmp_path):
    assert str(servers.rivals.HERE) not in servers.settings(kind, servers.Place("http", "", "hello", 1, tmp_path))


def test_php_is_told_its_socket_and_nginx_its_script(tmp_path):
    place = servers.Place("fastcgi", "/x/app.sock", "hello", 1, tmp_path)
    assert servers.KINDS["php-fpm"].command(place)[-1] == str(tmp_path / "php-fpm.conf")
    assert "listen = /x/app.sock\n" in (tmp_path / "php-fpm.conf").read_text()
    script = servers.KINDS["php-fpm"].script
    conf = frontend.configuration(tmp_path, "fastcgi", "127.0.0.1:1", "/x/app.sock", is_root=False, script=script)
    assert f"fastcgi_param SCRIPT_FILENAME {script};" in conf


def test_server_of_debian_is_there_with_its_file(tmp_path):
    kind = servers.Kind("mod_wsgi", servers.mod_wsgi, file=tmp_path / "mod_wsgi.so")
    assert not kind.is_there({})
    (tmp_path / "mod_wsgi.so").touch()
    assert kind.is_there({})


def test_server_without_its_package_is_not_there():
    assert servers.KINDS["uwsgi"].is_there({"pyuwsgi": "2.0.30.post1"})
    assert not servers.KINDS["bjoern"].is_there({"granian": "2.8.7"})
    assert servers.KINDS["polydoor"].is_there({})


def test_nginx_configuration_per_door(tmp_path):
    fastcgi = frontend.configuration(tmp_path, "fastcgi", "127.0.0.1:1", "/x/app.sock", is_root=False)
    assert "fastcgi_keep_conn on;" in fastcgi
    assert "server unix:/x/app.sock max_fails=0;" in fastcgi
    assert "keepalive 32;" in fastcgi
    assert "user root;" not in fastcgi
    scgi = frontend.configuration(tmp_path, "scgi", "127.0.0.1:1", "127.0.0.1:2", is_root=True)
    assert "scgi_param SCGI 1;" in scgi
    # nginx gives the length itself, and a second one is refused.
    assert "CONTENT_LENGTH" not in scgi
    assert "keepalive 32;" not in scgi
    assert "user root;" in scgi


def test_command_line_of_quick_runs():
    assert (run.parse([]).rounds, run.parse([]).seconds) == (5, 1.0)
    assert (run.parse(["--full"]).seconds, run.parse(["--only", "hello"]).seconds) == (2.0, 2.0)
    quick = run.parse(["--quick", "--only", "scgi", "--rounds", "7"])
    assert (quick.rounds, quick.seconds, quick.write) == (7, 1.0, False)
    assert [case.key for case in run.chosen(quick)] == ["scgi"]
    assert run.chosen(run.parse(["--full"])) == list(CASES)


def test_selection_fits_into_five_minutes():
    options = run.parse([])
    chosen = run.chosen(options)
    assert [case.key for case in chosen] == ["hello", "fastcgi", "scgi", "wait"]
    # What a sample takes beside its load (start, end, check): 120 of them and 35 starts took 4.5 minutes on a machine
    # with five times the work it could do.
    samples = options.rounds * sum(len(case.entries) for case in chosen)
    starts = options.rounds * len(footprint.ENTRIES)
    assert samples * (options.seconds + rounds.WARM_UP + 0.6) + starts * 0.8 < 300


def test_facts_are_read_from_their_files(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC\n")
    (tmp_path / "meminfo").write_text("MemTotal:       8388608 kB\n")
    (tmp_path / "release").write_text('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert machine.processor(tmp_path / "cpuinfo") == "AMD EPYC"
    assert machine.memory(tmp_path / "meminfo") == "8.0 GiB"
    assert machine.distribution(tmp_path / "release") == "Debian GNU/Linux 12 (bookworm)"
    assert machine.distribution(tmp_path / "absent") == "unknown distribution"


def test_labels_are_for_people():
    labels = [entry.label for entry in cases.DIRECT]
    assert labels[:4] == ["Polydoor -t 1", "Polydoor -t 5", "Polydoor -w 1 -t 1", "FastPySGI"]
    assert Entry("granian", workers=2).label == "granian, 2 processes"
    assert Entry("polydoor", 4, has_threads=True, workers=2).key == "polydoor-w2-t4"
    assert Entry("gunicorn", 5, has_threads=True).label == "gunicorn gthread, 5 threads"
    assert at_least(1.0).is_least
