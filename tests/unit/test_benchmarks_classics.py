"""Cases with Apache, lighttpd, Django and uploads: their targets, their tables, and how what is in front is started."""

import argparse
import contextlib
import importlib.util
import json
import subprocess
from pathlib import Path

import pytest

import apache
import cases
import classics
import frontend
import machine
import processes
import programs
import rivals
import rounds
import run
import servers
import summary
import tables
from case import Case, Entry

PLAN = rounds.Plan(seconds=1.0, rounds=5, server_core=0, load_core=1)
CASES = {case.key: case for case in cases.CASES}


def sample(cost, front=0.0, rate=1000, lost=0):
    return rounds.Sample(
        requests=rate,
        seconds=1.0,
        cpu_seconds=cost * rate / 1e6,
        bytes=150 * rate,
        faults=[],
        in_time=rate,
        latency={"p50": 0.0002, "p99": 0.0015, "p99.9": 0.003},
        load_cpu_seconds=0.1,
        front_cpu_seconds=front * rate / 1e6,
        lost=lost,
    )


# --- what is promised ---


def test_goals_of_these_cases_are_those_of_the_plan():
    goals = {
        (case.key, target.entry, target.other, target.cost): str(target.goal)
        for case in classics.CASES
        for target in case.targets
    }
    assert {key: goal for key, goal in goals.items() if key[0] == "ajp"} == {
        ("ajp", "polydoor-ajp", "mod_wsgi-daemon", ""): "≥ 2.00",
        ("ajp", "polydoor-ajp", "mod_wsgi-daemon", "all"): "≤ 0.40",
        ("ajp", "polydoor-ajp", "floor-ajp", "own"): "≤ 2.00",
    }
    doors = {"", "-fastcgi", "-scgi", "-ajp", "-uwsgi"}
    found = {each[1:3]: goal for each, goal in goals.items() if each[0] == "upload"}
    assert found == {(f"polydoor{door}", f"sink{door}"): "≥ 0.80" for door in doors}
    for key in ("django", "django-table"):
        found = {each[2]: (each[1], goal) for each, goal in goals.items() if each[0] == key}
        assert {entry.kind for entry in CASES[key].entries if entry.key in found} == {
            *("gunicorn", "uwsgi", "granian", "waitress", "mod_wsgi-daemon", "bjoern", "cheroot"),
            *("fastpysgi", "fastpysgi-closing"),
        }
        assert set(found.values()) == {("polydoor-w2-t4", "≥ 0.98")}


PEERS = {
    **dict.fromkeys(("fastcgi", "scgi", "uwsgi", "doors"), "uwsgi"),
    **dict.fromkeys(("ajp", "prefork-5", "prefork-30", "prefork-100"), "mod_wsgi-daemon"),
    "transport": "cgi-stub",
}


def test_tables_of_hello_world_have_an_application_that_waits_and_a_django_view():
    for key, peer in PEERS.items():
        apps = [(entry.kind, entry.app) for entry in CASES[key].entries if entry.app]
        assert sorted(apps) == [(kind, app) for kind in sorted(("polydoor", peer)) for app in ("django_hello", "wait")]
        rows = [entry for entry in CASES[key].entries if entry.kind == peer and entry.app == "wait"]
        assert [(entry.threads, entry.workers) for entry in rows] == [
            (1 if key == "transport" else 5, 2 if "prefork" in key else 0)
        ]
    assert {"hello", "wait", "django-one", "django"} <= CASES.keys()


def test_classic_comparisons_have_their_rows():
    compute = {entry.key for entry in CASES["compute"].entries}
    for door in ("ajp", "scgi"):
        kinds = ("polydoor-{}-t4", "polydoor-{}-w2-t2", "polydoor-preload-{}-w4-t1", "flup-{}", "flup-fork-{}-w4")
        assert {kind.format(door) for kind in kinds} <= compute
    for children in (5, 30, 100):
        case = CASES[f"prefork-{children}"]
        assert (case.mpm, case.connections, case.is_lossy) == (apache.Mpm("prefork", children), 10, True)
        assert {f"polydoor{door}-w2-t5" for door in ("", "-fastcgi", "-scgi", "-ajp", "-uwsgi")} <= {
            entry.key for entry in case.entries
        }
        others = {"mod_wsgi-daemon", "uwsgi", "flup-limited", "flup", "mod_php"}
        assert others <= {entry.kind for entry in case.entries}
    kinds = [entry.kind for entry in CASES["transport"].entries if not entry.app]
    assert kinds == ["polydoor"] * 5 + ["cgi-stub", "cgi-c", "cgi-python", "cgi-polydoor"]


# --- tables ---

BEHIND = Case(
    key="ajp",
    title="Behind Apache",
    entries=(Entry("polydoor", door="ajp"), Entry("mod_wsgi-daemon"), Entry("floor", door="ajp")),
    references=("mod_wsgi-daemon",),
    targets=CASES["ajp"].targets,
    behind_apache="event",
    is_lossy=True,
)


def test_what_is_in_front_counts_and_the_own_share_is_shown():
    found = rounds.Outcome(
        BEHIND,
        {
            "polydoor-ajp": [sample(10.0, 30.0, lost=2)] * 5,
            "mod_wsgi-daemon": [sample(100.0, rate=500)] * 5,
            "floor-ajp": [sample(8.0, 30.0)] * 5,
        },
    )
    head, polydoor, mod_wsgi, _ = tables.case_table(found)
    assert head[1:4] == ("µs CPU/request", "own µs", "lost")
    assert (polydoor[1:4], polydoor[-1]) == (("40.00", "10.00", "10"), "0.40")
    assert mod_wsgi[1:4] == ("100.00", "–", "0")
    rows = {row[0]: row[1] for row in tables.target_table([found])}
    assert rows["ajp: CPU in all of Polydoor AJP to mod_wsgi daemon, Apache counted in"] == "0.40"
    assert rows["ajp: own CPU of Polydoor AJP to empty C server AJP"] == "1.25"


def test_row_of_another_application_is_compared_with_its_like():
    case = CASES["scgi"]
    costs = {"polydoor-scgi": 8.0, "uwsgi-scgi": 10.0, "polydoor-scgi-t5-wait": 30.0, "uwsgi-scgi-t5-wait": 60.0}
    found = rounds.Outcome(case, {key: [sample(cost)] * 3 for key, cost in costs.items()})
    rows = {row[0]: row[-1] for row in tables.case_table(found)}
    assert rows["Polydoor SCGI"] == "0.80"
    assert rows["Polydoor SCGI -t 5, waits 0.5 ms"] == "0.50"
    assert rows["Polydoor SCGI, Django view"] == ""


@pytest.mark.parametrize("key", PEERS)
def test_rows_of_different_applications_are_never_compared(key):
    case = CASES[key]
    speeds = {"": (1.0, 8000), "wait": (10.0, 800), "django_hello": (100.0, 80)}
    samples = {entry.key: [sample(speeds[entry.app][0], rate=speeds[entry.app][1])] * 3 for entry in case.entries}
    assert len(samples) == len(case.entries)
    rows = tables.case_table(rounds.Outcome(case, samples))[1:]
    assert len({row[0] for row in rows}) == len(rows)
    for row in rows:
        ratios = set(row[-len(case.references) :])
        assert {"1.00"} <= ratios <= {"1.00", ""}


def test_lost_requests_are_a_figure_where_the_case_says_so(monkeypatch):
    case = Case("prefork", "Lossy", (Entry("floor"),), (), (), is_lossy=True)
    done = rounds.Load(90, 90, 1, 1.0, 0.1, {"p50": 0.1}, ["10 × status"], lost=10)
    monkeypatch.setattr(rounds, "_asked", lambda *_: (done, 0.5, 0.25))
    monkeypatch.setattr(rounds, "_serving", lambda *_: contextlib.nullcontext())
    found = rounds._sample(case, case.entries[0], PLAN)
    assert (found.lost, found.faults, found.front_cpu_seconds) == (10, [], 0.25)


# --- several runs in one result ---


def results(tmp_path, monkeypatch, *, is_free_threaded=False):
    monkeypatch.setattr(rivals, "IS_FREE_THREADED", is_free_threaded)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "occasion", lambda case, plan, facts: {"date": "today"})
    monkeypatch.setattr(summary, "README", tmp_path / "README.md")
    readme = tmp_path / "README.md"
    readme.write_text(f"Before\n{summary.BEGIN}{summary.END}After\n", encoding="utf-8")
    write = summary.write
    monkeypatch.setattr(summary, "write", lambda document: write(document, readme, tmp_path / "speed.svg"))
    return tmp_path


FACTS = {"processor": "a fast one", "system": "Debian", "Python": "CPython 3.13.0, GCC", "date": "today"}


def outcome(key, cost):
    entries = [entry for entry in CASES[key].entries if entry.kind in {"polydoor", "fastpysgi", "uwsgi"}]
    return rounds.Outcome(CASES[key], {entry.key: [sample(cost)] * 5 for entry in entries}, {}, measured={"date": key})


def test_result_keeps_the_cases_of_earlier_runs(tmp_path, monkeypatch):
    folder = results(tmp_path, monkeypatch)
    run.write_speed([outcome("wait", 9.0), outcome("hello", 8.0)], PLAN, FACTS)
    run.write_speed([outcome("hello", 4.0)], PLAN, FACTS)
    document = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    assert list(document["cases"]) == ["hello", "wait"]
    assert document["cases"]["hello"]["samples"]["fastpysgi"][0]["cpu_seconds"] == pytest.approx(0.004)
    for name in ("speed.md", "speed.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "Measured wait." in text
        assert "Measured hello." in text
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| Polydoor | 4.0 | 1000 |" in text
    assert text.startswith("Before\n")
    assert text.endswith("After\n")
    assert (folder / "speed.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_pages_are_made_anew_from_the_result(tmp_path, monkeypatch):
    folder = results(tmp_path, monkeypatch)
    run.write_speed([outcome("hello", 8.0)], PLAN, FACTS)
    page = (folder / "speed.md").read_text(encoding="utf-8")
    (folder / "speed.md").unlink()
    assert run.main(["--pages"]) == 0
    assert (folder / "speed.md").read_text(encoding="utf-8") == page


def test_result_without_the_gil_stands_beside_the_others(tmp_path, monkeypatch):
    folder = results(tmp_path, monkeypatch, is_free_threaded=True)
    readme = (folder / "README.md").read_bytes()
    run.write_speed([outcome("compute", 8.0)], PLAN, FACTS | {"Python": machine.python()})
    run.write(run.START, {}, "# Start and memory")
    assert run.main(["--pages"]) == 0
    speed = [f"free-threaded.{ending}" for ending in ("html", "json", "md")]
    names = sorted(["README.md", "free-threaded-start.json", "free-threaded-start.md", *speed])
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "README.md").read_bytes() == readme
    page = (folder / "free-threaded.md").read_text(encoding="utf-8")
    assert page.startswith("# Speed, side by side, without the GIL\n")
    assert ", free-threaded, " in page
    for text in (page, (folder / "free-threaded.html").read_text(encoding="utf-8")):
        assert tables.BOUND not in text  # a case without targets


def test_applications_have_bytecode(tmp_path):
    (tmp_path / "app.py").write_text("application = None\n")
    run.compile_applications(tmp_path)
    assert Path(importlib.util.cache_from_source(str(tmp_path / "app.py"))).exists()


def test_server_that_cannot_be_installed_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("granian==1\nflup==2\n")
    said = []
    refused = {"-r", "granian==1"}
    done = {False: subprocess.CompletedProcess([], 0), True: subprocess.CompletedProcess([], 1, "no wheel")}
    monkeypatch.setattr(rivals, "_pip", lambda *wanted: done[wanted[0] in refused])
    rivals._install(tmp_path / "list.txt", said.append)
    assert said == ["granian==1 cannot be installed here, so it is left out"]
    refused.add("flup==2")
    with pytest.raises(rivals.RivalError, match="no wheel"):
        rivals._install(tmp_path / "list.txt", said.append)


def test_pages_are_not_made_from_a_result_of_an_older_form(tmp_path, monkeypatch, capsys):
    folder = results(tmp_path, monkeypatch)
    (folder / "speed.json").write_text('{"format": 1, "cases": {}}', encoding="utf-8")
    assert run.main(["--pages"]) == 1
    assert "of an older form" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "speed.json"]


def test_result_of_an_older_form_and_unknown_cases_are_left():
    document = tables.document([outcome("hello", 8.0)], PLAN, FACTS)
    assert [each.case.key for each in tables.restored(document)] == ["hello"]
    assert tables.restored(document | {"format": tables.FORMAT - 1}) == []
    assert tables.restored(document | {"cases": {"gone": {}}}) == []


def test_interrupt_leaves_what_was_measured(tmp_path, monkeypatch):
    folder = results(tmp_path, monkeypatch)

    def measured(case, *_):
        if case.key == "wait":
            raise KeyboardInterrupt
        return outcome(case.key, 8.0)

    monkeypatch.setattr(rounds, "run", measured)
    monkeypatch.setattr(rivals, "versions", dict)
    monkeypatch.setattr(machine, "facts", lambda versions: dict(FACTS))
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    options = run.parse(["--only", "hello", "--only", "wait", "--write"])
    assert run.measure_all(options) == 130
    assert list(json.loads((folder / "speed.json").read_text(encoding="utf-8"))["cases"]) == ["hello"]


def test_full_run_fits_into_three_quarters_of_an_hour():
    """With the options that benchmarks/README.md names; counted requests take what they took when measured last."""
    options = run.parse(["--full", "--seconds", "1", "--skip", "overload", "--skip", "upload-1g"])
    counted = {"download": 4.2, "upload": 0.8}
    total = 3 * 60.0  # start, cgi
    for case in run.chosen(options):
        rounds_ = min(options.rounds, case.most_rounds)
        each = counted.get(case.key, options.seconds + rounds.WARM_UP) + 0.5  # start, check, end
        total += rounds_ * len(case.entries) * each
    assert total < 45 * 60


def test_case_without_targets_says_how_often_it_was_measured(monkeypatch):
    facts = {"Polydoor": "0.1.0"}
    assert run.occasion(CASES["compute"], PLAN, facts)["rounds"] == "in 3 rounds of 1 s"
    assert run.occasion(CASES["upload"], PLAN, facts)["rounds"] == "in 5 rounds of 8 requests"
    seen = []
    monkeypatch.setattr(rounds, "_sample", lambda case, entry, plan: sample(9.0))
    monkeypatch.setattr(rounds, "_why_not", lambda *_: "")
    rounds.run(CASES["compute"], PLAN, {}, lambda case, number, entry, one: seen.append(number))
    assert set(seen) == {1, 2, 3}


def test_cases_can_be_left_out(monkeypatch):
    chosen = [case.key for case in run.chosen(run.parse(["--full", "--skip", "hello", "--skip", "overload"]))]
    assert chosen == [case.key for case in cases.CASES if case.key != "hello"]
    seen = []
    for name in ("measure_start", "measure_overload", "measure_hosted"):
        monkeypatch.setattr(run, name, lambda *_, name=name, **__: seen.append(name))
    options = argparse.Namespace(full=True, only=None, skip=["overload"], write=False)
    run.measure_others(options, PLAN, {}, {})
    assert seen == ["measure_start", "measure_hosted"]


def test_readme_shows_the_best_of_several_rows():
    rates = {"polydoor-w2-t4": 3000, "granian-w2-t4": 2000, "granian-w2-t1": 2500, "waitress-t4": 800}
    found = rounds.Outcome(CASES["django"], {key: [sample(9.0, rate=rate)] * 3 for key, rate in rates.items()})
    rows = summary.table(tables.document([found], PLAN, FACTS))
    assert rows[0] == ("server", "Django view, two cores, requests/s")
    assert rows[1:] == [("Polydoor", "3000"), ("granian", "2500"), ("waitress", "800")]


def test_readme_has_the_table_and_the_plot_of_the_result():
    document = json.loads((run.RESULTS / "speed.json").read_text(encoding="utf-8"))
    assert summary.between(summary.README.read_text(encoding="utf-8")) == summary.block(document)
    assert summary.PLOT.read_text(encoding="utf-8") == summary.plot(document)


# --- what is in front ---


def test_apache_is_told_its_processes_and_the_way_to_the_server(tmp_path):
    prefork = apache.proxy(tmp_path, "127.0.0.1:1", apache.Mpm("prefork", 30), "fastcgi", "127.0.0.1:2", is_kept=True)
    words = " ".join(prefork)
    for word in ("mod_mpm_prefork.so", "StartServers 30", "MaxRequestWorkers 30", "Listen 127.0.0.1:1"):
        assert word in words
    assert "ProxyPass / fcgi://127.0.0.1:2/ enablereuse=on" in words
    event = " ".join(apache.proxy(tmp_path, "127.0.0.1:1", apache.Mpm(), "ajp", "127.0.0.1:2", is_kept=False))
    assert "ThreadsPerChild 150" in event
    assert "ProxyPass / ajp://127.0.0.1:2/ nocanon disablereuse=on" in event


@pytest.mark.parametrize(
    ("door", "line"),
    [
        ("http", 'proxy.server = ( "/" => (( "socket" => "/x/app.sock" )) )'),
        ("fastcgi", 'fastcgi.server = ( "/" => (( "socket" => "/x/app.sock", "check-local" => "disable" )) )'),
        ("uwsgi", 'scgi.protocol = "uwsgi"\nscgi.server = ( "/" => (( "socket" => "/x/app.sock", '),
        ("ajp", 'ajp13.server = ( "/" => (( "socket" => "/x/app.sock" )) )'),
    ],
)
def test_lighttpd_is_told_the_way_to_the_server(door, line, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "lighttpd", lambda: "/usr/sbin/lighttpd")
    place = servers.Place(door, "/x/app.sock", "hello", 1, tmp_path)
    command = programs.front(tmp_path, "127.0.0.1:1", place, servers.KINDS["polydoor"])
    assert command[-1] == str(tmp_path / "lighttpd.conf")
    assert line in (tmp_path / "lighttpd.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(("app", "needs_site"), [("wait", False), ("django_hello", True)])
def test_stub_has_the_application_of_its_row(app, needs_site, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(programs, "build_floor", lambda _: None)
    monkeypatch.setattr(programs, "polydoor", lambda *words, folder: said.append(words))
    monkeypatch.setenv("PYTHONPATH", "/mine")
    programs.set_up(tmp_path, tmp_path / "www", app)
    path = f"PYTHONPATH=/mine:{rivals.SITE}" if needs_site else "PYTHONPATH=/mine"
    (words,) = said
    assert words[:4] == ("cgi", "init", f"{app}:application", str(tmp_path / "www"))
    assert words[words.index("--env") + 1] == path


def test_uploads_to_uwsgi_use_no_connection_that_it_is_about_to_close(tmp_path):
    case = CASES["upload"]
    for key, closes in (("uwsgi-fastcgi", True), ("polydoor-fastcgi", False), ("sink-fastcgi", False)):
        assert ("--close" in rounds._options(case, case.entry(key), PLAN, tmp_path)) is closes


def test_what_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(frontend, "program", lambda: None)
    monkeypatch.setattr(programs, "lighttpd", lambda: None)
    for key, name in (("fastcgi", "nginx"), ("transport", "lighttpd")):
        assert rounds._why_not(CASES[key], CASES[key].entries[0], {}) == f"{name} is not there"
    assert rounds._why_not(CASES["hello"], CASES["hello"].entries[0], {}) == ""
    django = CASES["django-one"]
    assert rounds._why_not(django, django.entries[0], {}).startswith("it is not installed here")
    assert rounds._why_not(django, django.entries[0], {"django": "5.2.19"}) == ""


@pytest.mark.parametrize(("app", "part"), [("django_hello", b"Hello, World!"), ("django_table", b"<tr class=")])
def test_django_sites_answer(app, part):
    body = rounds.body_of(app)
    assert part in body
    assert body.count(b"<tr class=") == (50 if app == "django_table" else 0)
    assert b"Article &lt;50&gt;" in body or app == "django_hello"


def test_django_can_be_imported_by_every_server():
    assert str(rivals.SITE) in processes.environment("django_hello")["PYTHONPATH"]
    assert str(rivals.SITE) not in processes.environment("hello")["PYTHONPATH"]
