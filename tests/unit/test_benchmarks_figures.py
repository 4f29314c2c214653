"""Medians, ratios, targets and what a run of wrk says."""

import json

import pytest

import browser
import cases
import figures
import generator
import measure
import rivals
import rounds
import wrk


def said(**changed):
    told = {
        "requests": 1000,
        "bytes": 150_000,
        "microseconds": 2_000_000,
        "connect": 0,
        "read": 0,
        "write": 0,
        "status": 0,
        "timeout": 0,
        "p50": 250,
        "p90": 700,
        "p99": 900,
        "p99.9": 1200,
        "p99.99": 1300,
        "max": 1400,
    }
    return f"Running 3600s test @ http://127.0.0.1:1/\nfigures {json.dumps(told | changed)}\nRequests/sec: 500\n"


def test_figure_is_median_with_both_ends():
    found = figures.figure([5.0, 1.0, 2.0, 9.0])
    assert found == figures.Figure(3.5, 1.0, 9.0)
    assert found.spread == pytest.approx(8.0 / 3.5)


def test_ratios_are_taken_round_by_round():
    # Of the medians it would be 2/2; the rounds themselves say 0.5, 1 and 2.
    assert figures.ratios([1.0, 2.0, 4.0], [2.0, 2.0, 2.0]) == figures.Figure(1.0, 0.5, 2.0)
    # A round in which all was slow changes nothing.
    assert figures.ratios([1.0, 100.0, 1.0], [2.0, 200.0, 2.0]) == figures.Figure(0.5, 0.5, 0.5)


def test_ratio_to_a_multiple():
    assert figures.ratios([4500.0], [1000.0], 5).middle == pytest.approx(0.9)


def test_ratio_to_a_server_that_answered_nothing_in_time():
    assert figures.pairs([3.0, 4.0], [0.0, 2.0]) == [float("inf"), 2.0]


def test_ratios_of_unequal_rounds_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        figures.ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("bound", "value", "sure", "verdict"),
    [
        (cases.at_most(1.15), 1.15, 1.15, "met"),
        (cases.at_most(1.15), 1.154, 1.154, "met"),
        (cases.at_most(1.15), 1.10, 1.16, "not shown"),
        (cases.at_most(1.15), 1.10, None, "not shown"),
        (cases.at_most(1.00), 1.10, 1.20, "missed by 10%"),
        (cases.at_least(0.85), 0.85, 0.85, "met"),
        (cases.at_least(0.85), 2.0, 0.84, "not shown"),
        (cases.at_least(0.80), 0.60, 0.50, "missed by 25%"),
    ],
)
def test_bound_says_met_or_by_how_much_it_was_missed(bound, value, sure, verdict):
    assert bound.verdict(value, sure) == verdict


def test_true_median_is_at_most_one_time_in_twenty_beyond_its_bound():
    assert figures.bound_of([1.0, 2.0, 3.0, 4.0]) is None
    assert figures.bound_of([5.0, 1.0, 2.0, 4.0, 3.0]) == 5.0
    assert figures.bound_of([5.0, 1.0, 2.0, 4.0, 3.0], is_least=True) == 1.0
    assert figures.bound_of([float(n) for n in range(1, 10)]) == 8.0
    assert figures.bound_of([float(n) for n in range(1, 10)], is_least=True) == 2.0


def test_bound_reads_as_written():
    assert str(cases.at_most(0.45)) == "≤ 0.45"
    assert str(cases.at_least(0.85)) == "≥ 0.85"


def test_wrk_figures_are_read():
    done = wrk.parse(said())
    assert (done.requests, done.in_time, done.bytes, done.seconds, done.faults) == (1000, 1000, 150_000, 2.0, [])
    assert (done.latency["p50"], done.latency["p99.9"], done.latency["max"]) == (0.00025, 0.0012, 0.0014)


def test_wrk_errors_are_faults():
    assert wrk.parse(said(read=3, status=1)).faults == ["3 errors of kind read", "1 errors of kind status"]


def test_wrk_without_figures_is_an_error():
    with pytest.raises(generator.LoadError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({}, []),
        ({"bytes": 100_000}, ["100.0 bytes for each response instead of 150"]),
        ({"requests": 0, "bytes": 0}, ["no response at all"]),
    ],
)
def test_wrong_sizes_are_faults(changed, faults):
    assert rounds.faults_of(wrk.parse(said(**changed)), 150) == faults


def result(**changed):
    names = ("p50", "p90", "p99", "p99.9", "p99.99", "max")
    usual = {
        "requests": 100,
        "in_time": 96,
        "bytes_received": 15_000,
        "seconds": 2.0,
        "unanswered": 0,
        "cpu": {"user": 0.25, "system": 0.5},
        "latency": {"count": 100, "mean": 0.1, "min": 0.1} | dict.fromkeys(names, 0.1),
        "deviations": {},
        "first_deviation": "",
    }
    return usual | changed


def test_figures_of_the_load_generator_are_read():
    done = generator.parse(result())
    assert (done.requests, done.in_time, done.bytes, done.cpu_seconds, done.faults) == (100, 96, 15_000, 0.75, [])
    assert tuple(done.latency) == generator.PERCENTILES


def test_deviations_are_faults():
    done = generator.parse(
        result(deviations={"cut": 2, "status": 1}, first_deviation="GET /: status 500 instead of 200", unanswered=3)
    )
    assert done.faults == [
        "2 × cut",
        "1 × status; the first: GET /: status 500 instead of 200",
        "3 requests were not answered in time",
    ]
    assert generator.parse(result(requests=0)).faults == ["no response at all"]


def test_browser_sends_twenty_fields_with_host():
    assert len(browser.FIELDS) + 1 == 20


@pytest.mark.parametrize(
    ("response", "whole"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length:13\r\nA: b\r\n\r\nHello, World!", True),
        (b"HTTP/1.1 200 OK\r\n\r\nHello, World!", False),
    ],
)
def test_response_is_whole_when_its_length_is_there(response, whole):
    assert rounds.is_whole(response) is whole


def test_stat_line_with_a_name_like_a_trap():
    fields = measure.parse_stat("42 (a) S (b) R 7 " + " ".join(str(number) for number in range(5, 30)))
    assert fields[:4] == ["42", "a) S (b", "R", "7"]
    assert fields[measure.PARENT] == "7"
    assert (fields[measure.CHILDREN_USER], fields[measure.CHILDREN_SYSTEM]) == ("16", "17")


def test_descendants_of_all_generations():
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 10, 20: 1}
    assert sorted(measure.descendants(10, parents)) == [10, 11, 12, 13]


def test_steal_share():
    before = [100, 0, 0, 100, 0, 0, 0, 0, 0, 0]
    after = [150, 0, 0, 140, 0, 0, 0, 10, 50, 0]
    assert measure.steal_share(before, after) == pytest.approx(0.1)
    assert measure.steal_share(before, before) == 0


def test_pins_are_read_without_comments():
    pins = [pin for path in sorted(rivals.LISTS.glob("*.txt")) for pin in rivals.pins(path)]
    assert "fastpysgi==0.6" in pins
    assert all(pin.count("==") == 1 and " " not in pin and "#" not in pin for pin in pins)
