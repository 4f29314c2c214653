"""PEP 3333: start_response, headers and write() (protocols.md 10.4, S01 to S18)."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from support.server import APPS

sys.path.append(str(APPS))
from response_apps import BAD

sys.path.remove(str(APPS))

DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def respond(door, **plan):
    return door.request("GET", "/respond", [("X-Response", json.dumps(plan))])


def refused(response, control, key):
    """The application saw an exception from start_response, the client a plain 500."""
    assert (response.status, response.complete) == (500, True), response.summary()
    assert not response.all("X-Injected")
    assert not response.all("X-A")
    assert b"Traceback" not in response.body
    noted = control.notes(key, 1)
    assert noted[0] is not None, "start_response raised nothing"
    assert len(noted) == 1


def bad_cases(prefix):
    return sorted(case for case in BAD if case.startswith(prefix))


def test_s01_start_response_returns_write(door, control, key):
    response = door.request("GET", f"/writes?key={key}")
    assert (response.body, response.complete) == (b"one two three four", True)


def test_s01_write_takes_nothing_but_bytes(door, control, key):
    response = door.request("GET", f"/write_wrong?key={key}")
    assert response.status == 500, response.summary()
    assert control.notes(key, 1) != [None]


def test_s01_blocks_may_be_of_a_type_made_from_bytes(door):
    response = door.request("GET", "/subclass")
    assert (response.body, response.complete) == (b"one two", True)
    alone = door.request("GET", "/subclass_alone")
    assert (alone.body, alone.header("Content-Length"), alone.complete) == (b"three", "5", True)


def test_s02_exc_info_is_an_optional_third_argument(door):
    assert door.request("GET", "/start_signature").body == b"True"


STATUSES = ["200 OK", "201 Created", "299 Own Words: (all) of \u00e9", "404 not found", "599 x", "418 I'm a teapot"]


@pytest.mark.parametrize("status", STATUSES)
def test_s03_good_statuses_arrive_as_they_are(door, status):
    response = respond(door, status=status)
    assert f"{response.status} {response.reason}" == status


@pytest.mark.parametrize("case", bad_cases("status"))
def test_s03_bad_statuses_are_refused(door, control, key, case):
    refused(door.request("GET", f"/bad_start?case={case}&key={key}"), control, key)


@pytest.mark.parametrize("case", [*bad_cases("headers"), *bad_cases("header-")])
def test_s04_headers_are_a_list_of_pairs(door, control, key, case):
    refused(door.request("GET", f"/bad_start?case={case}&key={key}"), control, key)


def test_s04_changing_the_list_afterwards_injects_nothing(door):
    response = door.request("GET", "/mutated_list")
    assert not response.all("X-Injected")
    if response.status == 200:
        assert (response.header("X-A"), response.all("X-B")) == ("one", [])
    else:
        assert response.status == 500


@pytest.mark.parametrize("case", [*bad_cases("name-"), *bad_cases("value-"), *bad_cases("length-")])
def test_s05_names_are_tokens_and_values_clean(door, control, key, case):
    refused(door.request("GET", f"/bad_start?case={case}&key={key}"), control, key)


def test_s05_good_headers_arrive_in_order(door):
    headers = [["X-B", "2"], ["Content-Type", "text/plain"], ["X-A", "1"], ["x-b", "3 \t 4"], ["X-!#$%&'*+.^_`|~", ""]]
    response = respond(door, headers=headers)
    names = [name for name, _ in headers]
    if door.name == "ajp":  # where a name that has a code goes first, for lighttpd
        headers.insert(0, headers.pop(1))
    assert [[name, value] for name, value in response.headers if name in names] == headers


def test_s05_several_cookies_stay_apart(door):
    response = respond(door, headers=[["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]])
    assert response.all("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("case", ["status-wide", "name-wide", "value-wide"])
def test_s06_characters_above_latin1_are_fatal(door, control, key, case):
    refused(door.request("GET", f"/bad_start?case={case}&key={key}"), control, key)


def test_s06_latin1_arrives_as_its_octets(door):
    assert respond(door, headers=[["X-High", "\u00e9\u00ff"]]).header("X-High") == "\u00e9\u00ff"


def test_s07_names_are_compared_without_case(door):
    response = respond(
        door, headers=[["cONTENT-lENGTH", "4"], ["dATE", "Sun, 06 Nov 1994 08:49:37 GMT"]], body=["four"]
    )
    assert response.header("Content-Length") == "4"
    assert response.header("Date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert (response.body, response.complete) == (b"four", True)


HOP_BY_HOP = {
    "Connection": "close",
    "connection": "keep-alive",
    "Keep-Alive": "timeout=5",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic x",
    "TE": "trailers",
    "Trailer": "X-A",
    "Trailers": "X-A",
    "Transfer-Encoding": "chunked",
    "tRANSFER-eNCODING": "identity",
    "Upgrade": "websocket",
}


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_s08_hop_by_hop_headers_are_refused(door, control, key, name):
    response = door.request("GET", f"/hop?name={name}&value={quote(HOP_BY_HOP[name])}&key={key}")
    refused(response, control, key)


def test_s09_neither_the_call_nor_empty_items_send_the_head(door):
    response = door.request("GET", "/replace")
    assert (response.status, response.reason) == (503, "Replaced")


def test_s09_the_end_of_an_empty_iteration_sends_the_head(door):
    response = respond(door, headers=[["X-A", "1"]], body=[])
    assert (response.status, response.header("X-A"), response.body, response.complete) == (200, "1", b"", True)


def test_s10_content_length_zero_arrives_whole(door):
    response = respond(door, headers=[["Content-Length", "0"]], body=[])
    assert (response.status, response.header("Content-Length"), response.complete) == (200, "0", True)


def test_s11_a_second_call_is_an_error(door, control, key):
    response = door.request("GET", f"/twice?key={key}")
    assert response.status == 500, response.summary()
    assert control.notes(key, 1)[0] is not None


def test_s11_a_second_call_is_an_error_when_the_first_raised(door, control, key):
    response = door.request("GET", f"/twice?first=bad&key={key}")
    assert response.status == 500, response.summary()
    noted = control.notes(key, 2)
    assert len(noted) == 2
    assert None not in noted


def test_s12_exc_info_replaces_status_and_headers(door):
    response = door.request("GET", "/replace")
    assert (response.status, response.body, response.complete) == (503, b"replaced", True)
    assert (response.header("X-Second"), response.all("X-First")) == ("yes", [])
    assert response.header("Content-Length") in (None, "8")


def test_s13_exc_info_behind_the_head_raises_it(door, control, key):
    response = door.request("GET", f"/too_late?key={key}")
    assert (response.status, response.body, response.complete) == (200, b"out", False)
    assert control.notes(key, 1) == [[True, True]]


NO_EXC_INFO = ["(1, 2, 3)", "(ValueError, ValueError())", "'abc'", "(None, None, None)", "[1, 2, 3]", "True"]


@pytest.mark.parametrize("given", NO_EXC_INFO)
@pytest.mark.parametrize("when", ["early", "late"])
def test_s13_what_is_no_exc_info_is_a_type_error(door, control, key, given, when):
    response = door.request("GET", f"/odd_exc_info?key={key}&when={when}&given={quote(given)}")
    assert control.notes(key, 1) == ["TypeError"]
    assert response.status == (200 if when == "late" else 500)
    assert response.complete == (when == "early")


@pytest.mark.parametrize("when", ["early", "late"])
def test_s11_an_empty_exc_info_is_none(door, control, key, when):
    door.request("GET", f"/odd_exc_info?key={key}&when={when}&given=()")
    assert control.notes(key, 1) == ["AssertionError"]


def test_s05_a_late_complaint_leaves_the_next_request_alone(lasting_door, key):
    """The request that a bad header was for has ended meanwhile, and what it stood in belongs to the next one."""
    assert lasting_door.request("GET", f"/outlived?key={key}").status == 500  # its own head was replaced by a bad one
    response = lasting_door.request("GET", f"/opens_gate?key={key}")
    assert (response.status, response.body) == (200, b"its own")


def test_s14_no_reference_to_exc_info_is_kept(lasting_door, key):
    assert lasting_door.request("GET", f"/drop_error?key={key}").body == b"dropped"
    for _ in range(8):  # every thread serves something else in between
        lasting_door.request("GET", "/arguments")
    assert lasting_door.request("GET", f"/dropped?key={key}").json() is True


def test_s15_date_and_server_are_added_on_http(http_door):
    response = http_door.request("GET", "/no_type")
    assert DATE.fullmatch(response.header("Date") or "")
    assert (response.header("Server") or "").startswith("polydoor")


def test_s15_date_and_server_of_the_application_stay(door):
    response = door.request("GET", "/no_type?own")
    assert response.header("Date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert response.header("Server") == "planted"


def test_s16_written_bytes_are_out_before_write_returns(door, control, key):
    with door.start("GET", f"/write_gated?key={key}") as exchange:
        assert exchange.wait_body(b"written "), exchange.response.summary()
        control.open(key)
        response = exchange.finish()
    assert (response.body, response.complete) == (b"written returned", True)
    assert control.notes(key, 1) == [True]


def test_s17_write_and_items_are_both_sent_in_order(door, key):
    assert door.request("GET", f"/writes?key={key}").body == b"one two three four"


def test_s17_write_returns_nothing(door, control, key):
    door.request("GET", f"/writes?key={key}")
    assert control.notes(key, 1) == ["None"]


def test_s17_write_behind_the_end_is_an_error(door, control, key):
    response = door.request("GET", f"/write_late?key={key}")
    assert (response.body, response.complete) == (b"body", True)
    assert control.notes(key, 1)[0] is not None


def test_s18_empty_items_are_no_chunks(http_door):
    response = http_door.request("GET", "/empty_items")
    assert (response.body, response.complete) == (b"ab", True)
    assert response.chunks == [1, 1, 0]


def test_s18_empty_items_end_nothing(door):
    response = door.request("GET", "/empty_items")
    assert (response.body, response.complete) == (b"ab", True)


def test_the_bad_cases_are_all_used():
    prefixes = re.findall(r'bad_cases\("([a-z-]+)"\)', Path(__file__).read_text())
    assert [case for case in BAD if not case.startswith(tuple(prefixes))] == []
