"""Start and memory side by side: arithmetic and tables, without a server."""

import os

import footprint
import rounds
import tables
from footprint import Sample

OUTCOME = footprint.Outcome(
    {
        "polydoor": [Sample(40.0, 7168.0, 0.5), Sample(60.0, 6144.0, 0.6)],
        "polydoor-w1": [Sample(70.0, 8192.0, 0.5, 6144.0), Sample(70.0, 8192.0, 0.5, 6144.0)],
        "uwsgi": [Sample(50.0, 10240.0, None), Sample(50.0, 10240.0, None)],
    },
    bare_kib=[1024.0, 3072.0],
)
MANY = footprint.Outcome({key: samples[:1] * 5 for key, samples in OUTCOME.samples.items()}, [4096.0] * 5)


def test_table_whole():
    assert footprint.table(OUTCOME) == [
        footprint.HEAD,
        ("Polydoor", "50", "40 – 60", "6.5", "4.5", "0.55"),
        ("Polydoor -w 1", "70", "70 – 70", "8.0", "6.0", "0.50"),
        ("uWSGI", "50", "50 – 50", "10.0", "8.0", "closes"),
    ]


def test_promises_are_compared_round_by_round():
    rows = {row[0]: row[1:] for row in footprint.target_table(OUTCOME)}
    assert rows["first response: Polydoor to uWSGI"] == ("1.00", "0.80 – 1.20", "–", "≤ 1.00", "not shown")
    assert rows["idle memory: Polydoor to uWSGI"] == ("0.65", "0.60 – 0.70", "–", "≤ 1.00", "not shown")
    assert rows["MiB above a bare interpreter: Polydoor"] == ("4.50", "3.00 – 6.00", "–", "≤ 3.00", "missed by 50%")


def test_verdicts_of_five_rounds_whole():
    assert footprint.target_table(MANY) == [
        ("ratio", "measured", "lowest – highest", "95 % bound", "must", ""),
        ("first response: Polydoor to granian", "not measured", "", "", "≤ 1.00", ""),
        ("first response: Polydoor to uWSGI", "0.80", "0.80 – 0.80", "0.80", "≤ 1.00", "met"),
        ("first response: Polydoor to waitress", "not measured", "", "", "≤ 1.00", ""),
        ("first response: Polydoor to gunicorn gthread", "not measured", "", "", "≤ 1.00", ""),
        ("idle memory: Polydoor to granian", "not measured", "", "", "≤ 1.00", ""),
        ("idle memory: Polydoor to uWSGI", "0.70", "0.70 – 0.70", "0.70", "≤ 1.00", "met"),
        ("idle memory: Polydoor to waitress", "not measured", "", "", "≤ 1.00", ""),
        ("idle memory: Polydoor to gunicorn gthread", "not measured", "", "", "≤ 1.00", ""),
        ("MiB above a bare interpreter: Polydoor", "3.00", "3.00 – 3.00", "3.00", "≤ 3.00", "met"),
        ("MiB above a bare interpreter: the worker of Polydoor -w 1", "2.00", "2.00 – 2.00", "2.00", "≤ 2.00", "met"),
        ("KiB for an idle connection: Polydoor", "0.50", "0.50 – 0.50", "0.50", "≤ 1.00", "met"),
    ]


def test_page_and_document_hold_everything():
    plan = rounds.Plan(2.0, 5, 0, 1)
    page = footprint.page(OUTCOME, plan, {"Python": "CPython 3.13.0"})
    assert "Medians of 5 interleaved rounds" in page
    assert "a bare interpreter has 2.0 MiB" in page
    targets, servers = tables.markdown(footprint.target_table(OUTCOME)), tables.markdown(footprint.table(OUTCOME))
    assert page.index(targets) < page.index(tables.BOUND) < page.index(servers)
    assert "| Python | CPython 3.13.0 |" in page
    document = footprint.document(OUTCOME)
    first = {"first_ms": 70.0, "idle_kib": 8192.0, "connection_kib": 0.5, "worker_kib": 6144.0}
    assert document["samples"]["polydoor-w1"][0] == first
    assert document["bare_interpreter_kib"] == [1024.0, 3072.0]


def test_memory_of_a_process_tree_is_that_of_this_one_and_more():
    assert footprint.tree_kib(os.getpid()) > 1024
    assert footprint.bare_interpreter_kib() > 512
