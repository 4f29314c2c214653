"""Start and memory side by side: arithmetic and tables, without a server."""

import os

import footprint
import rounds
import tables

SAMPLES = {
    "polydoor": [footprint.Sample(40.0, 7168.0, 0.5), footprint.Sample(60.0, 6144.0, 0.6)],
    "uwsgi": [footprint.Sample(50.0, 10240.0, None)],
}


def test_table_whole():
    assert footprint.table(SAMPLES, bare_kib=2048.0) == [
        footprint.HEAD,
        ("Polydoor", "50", "40 – 60", "6.5", "4.5", "0.55"),
        ("uWSGI", "50", "50 – 50", "10.0", "8.0", "closes"),
    ]


def test_page_and_document_hold_everything():
    plan = rounds.Plan(2.0, 5, 0, 1)
    rows = footprint.table(SAMPLES, 2048.0)
    page = footprint.page(rows, 2048.0, plan, {"Python": "CPython 3.13.0"})
    assert "Medians of 5 starts" in page
    assert "a bare interpreter has 2.0 MiB" in page
    assert tables.markdown(rows) in page
    assert "| Python | CPython 3.13.0 |" in page
    document = footprint.document(SAMPLES, 2048.0)
    assert document["samples"]["polydoor"][0] == {"first_ms": 40.0, "idle_kib": 7168.0, "connection_kib": 0.5}


def test_memory_of_a_process_tree_is_that_of_this_one_and_more():
    assert footprint.tree_kib(os.getpid()) > 1024
    assert footprint.bare_interpreter_kib() > 512
