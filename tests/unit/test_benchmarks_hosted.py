"""The benchmark of the CGI stub: what is promised, and what is told of a round."""

import hosted


def made(stub=0.0011):
    """A round."""
    c, python = hosted.Cost(0.001, 0.002), hosted.Cost(0.03, 0.03)
    busy, busy_c = hosted.Crowd(0.11, 0.24, 0.0015), hosted.Crowd(0.1, 0.2, 0.001)
    few = hosted.Crowd(0.011, 0.024, 0.001)
    return hosted.Sample(hosted.Cost(stub, 0.0021), c, python, busy, busy_c, few, private=120.0, forwarded=0.0004)


def test_musts_are_those_of_the_plan():
    """Issue 7, what it must show, 2 and 5."""
    assert {promise.text: str(promise.must) for promise in hosted.PROMISES} == {
        "p50, stub by C program": "≤ 1.15",
        "CPU, stub by C program": "≤ 1.15",
        "CPU, Python script by stub": "≥ 10.00",
        "busy, p50, stub by C program": "≤ 1.20",
        "busy, p99, stub by C program": "≤ 1.20",
        "busy, p99 of 20 clients, ms": "≤ 50.00",
        "busy, CPU of a stub, ms": "≤ 2.00",
        "waiting, private memory, KiB": "≤ 200.00",
        "CPU until the request is forwarded, ms": "≤ 1.00",
    }


def test_each_round_is_compared_in_itself():
    rows = {row[0]: row[1:] for row in hosted.promise_table([made()] * 5)}
    assert rows["p50, stub by C program"] == ("1.10", "1.10", "1.10", "≤ 1.15", "met")
    assert rows["CPU, stub by C program"][0] == "1.05"
    assert rows["CPU, Python script by stub"][0] == "14.29"
    assert rows["busy, p99, stub by C program"][0] == "1.20"
    assert rows["busy, CPU of a stub, ms"][0] == "1.50"
    slow = hosted.promise_table([made(stub=0.002)] * 5)
    assert slow[1][-1] == "missed by 74%"


def test_the_page_has_all_figures():
    page = hosted.page([made()] * 5, {"machine": "this one"})
    assert page.count("\n| ") >= 2 + len(hosted.NAMES) + len(hosted.PROMISES)
    assert "| this one |" in page
    assert "{" not in page
