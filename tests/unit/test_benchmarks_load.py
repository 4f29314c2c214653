"""The parts of the load generator: histogram, timers, command line, variants."""

import bisect
import math
import random
import re
import subprocess

import pytest

from support import cbuild
from support.load import RIGHT, Peer, load

pytestmark = pytest.mark.timeout(300)  # the first of them compiles the programs
PERCENTS = ("0", "50", "90", "99", "99.9", "99.99", "100")


def driven(how, values, *arguments):
    folder = cbuild.ROOT / "benchmarks" / "load"
    parts = [cbuild.ROOT / "tests" / "core" / "load_driver.c", folder / "histogram.c", folder / "timers.c"]
    program = cbuild.build("load_driver", parts)
    text = "\n".join(map(str, values))
    ran = subprocess.run([program, how, *arguments], input=text, capture_output=True, text=True, check=True)
    return [line.split() for line in ran.stdout.splitlines()]


def some_values():
    chance = random.Random(9)
    edges = [0, 1, 2047, 2048, 2049, 4095, 4096, 2**44 - 1]
    return [*edges, *(int(2 ** chance.uniform(0, 43.9)) for _ in range(5000))]


def test_histogram_keeps_three_significant_digits():
    values = some_values()
    lines = driven("histogram", values, *PERCENTS)
    for value, (_, highest) in zip(values, lines, strict=False):
        assert value <= int(highest) <= value + value / 1024
    ordered = sorted(zip(values, (int(index) for index, _ in lines[: len(values)]), strict=True))
    indices = [index for _, index in ordered]
    assert indices == sorted(indices)
    values.sort()
    for percent, found in lines[len(values) : -1]:
        exact = values[max(0, math.ceil(float(percent) / 100 * len(values)) - 1)]
        assert exact <= int(found) <= exact + exact / 1024
    assert lines[-2] == ["100", str(max(values))]
    assert lines[-1] == [str(len(values)), str(sum(values)), "0", str(max(values))]


def test_histogram_takes_what_is_too_large_and_keeps_the_largest():
    lines = driven("histogram", [2**44, 2**60], "50", "100")
    assert lines[0] == lines[1]
    assert lines[2:4] == [["50", str(2**60)], ["100", str(2**60)]]


def test_empty_histogram():
    assert driven("histogram", [], "50")[0] == ["50", "0"]


def test_timers_come_in_their_order():
    values = some_values()[:2000]
    moved = [2 * value if n % 3 == 0 else value for n, value in enumerate(values)]
    kept = [value for n, value in enumerate(moved) if n % 5]
    assert [int(line[0]) for line in driven("timers", values)] == sorted(kept)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one URL and at most one path are needed; `polydoor-load --help` shows how"),
        (("gopher://127.0.0.1:70",), "gopher://127.0.0.1:70 is no address; write it as http://127.0.0.1:8000 or"),
        (("http://127.0.0.1",), "http://127.0.0.1 has no port; write it as http://127.0.0.1:8000"),
        (("http://shop.example:80",), "shop.example is no numeric address (names are not looked up"),
        (("http://127.0.0.1:80/a", "/b"), "the path stands twice: /a and /b"),
        (("http://127.0.0.1:80", "-c", "0"), "--connections needs a number from 1 to"),
        (("http://127.0.0.1:80", "-d", "soon"), "--duration needs a number from 0.001 to 86400, not soon"),
        (("http://127.0.0.1:80", "--body", "5x"), "such as 1000 or 64k, not 5x"),
        (("http://127.0.0.1:80", "-H", "Host"), "--header 'NAME: VALUE' is needed, not Host"),
        (("http://127.0.0.1:80", "-r", "9", "--think", "1"), "--think is for the closed loop"),
        (("http://127.0.0.1:80", "--streams", "2"), "--streams needs fastcgi"),
        (("scgi://127.0.0.1:80", "--body", "9", "--chunked"), "--chunked needs a body, and http, fastcgi or ajp"),
        (("http://127.0.0.1:80", "--param", "A=b"), "over HTTP send header fields"),
        (("ajp://127.0.0.1:80", "--secret-env", "POLYDOOR_NOT_SET"), "has no variable POLYDOOR_NOT_SET; set it"),
        (("http://127.0.0.1:80", "--variants", "/nowhere"), "cannot read /nowhere: No such file or directory"),
        (("http://127.0.0.1:80", "-H", "Content-Length: 5"), "cannot be sent over http1: more than one Content-Length"),
    ],
)
def test_mistake_is_told(arguments, said):
    status, result, text = load(*arguments)
    assert (status, result) == (2, {})
    assert text.startswith("polydoor-load: ")
    assert said in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no request; write a line METHOD PATH"),
        ("GET\n", "line 1: METHOD PATH is needed, not GET"),
        (
            "# one\nGET /\n@colour red\n",
            "line 3: @body, @status, @length or @param and a value are needed, not @colour",
        ),
        ("GET /\n@body much\n", "line 2: a number is needed, not @body much"),
        ("GET /\nPOST /\n", "line 2: a header line NAME: VALUE or an empty line is needed, not POST /"),
    ],
)
def test_mistake_in_a_file_of_variants_is_told(text, said, tmp_path):
    path = tmp_path / "variants"
    path.write_text(text)
    status, _, told = load("http://127.0.0.1:80", "--variants", str(path))
    assert status == 2
    assert said in told


def test_help_names_every_option():
    text = (cbuild.ROOT / "benchmarks" / "load" / "options.c").read_text()
    names = re.findall(r'\{ "([a-z-]+)", (?:no|required)_argument', text)
    assert len(names) > 20
    assert [name for name in names if f"--{name} " not in text] == []


def test_variants_are_asked_in_turn_and_judged_each_by_its_own(tmp_path):
    path = tmp_path / "variants"
    path.write_text("GET /a\nX-One: 1\n\n# the second\nPUT /b?q=1\r\n@status 404\r\n\r\nPOST /c\n@length 5\n")
    absent = (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",)
    script = [(RIGHT,), absent, (RIGHT,)] * 3
    with Peer(tmp_path / "s", script) as peer:
        told = load(f"http+unix:{tmp_path}/s", "--variants", str(path), "-c", "1", "-n", "6", "-H", "X-All: yes")
    assert told[0] == 0, told
    assert told[1]["statuses"] == {"200": 4, "404": 2}
    assert [right["request"] for right in told[1]["right"]] == ["GET /a", "PUT /b?q=1", "POST /c"]
    assert [each.partition(b" HTTP")[0] for each in peer.requests] == [b"GET /a", b"PUT /b?q=1", b"POST /c"] * 3
    assert peer.requests[0] == b"GET /a HTTP/1.1\r\nHost: localhost\r\nX-All: yes\r\nX-One: 1\r\n\r\n"


def test_percentiles_are_those_of_the_buckets(tmp_path):
    with Peer(tmp_path / "s", []):
        status, result, _ = load(f"http+unix:{tmp_path}/s", "-c", "1", "-n", "200", "--histogram")
    assert status == 0
    counts = [count for _, count in result["histogram"]]
    assert sum(counts) == result["latency"]["count"] == 200
    total, sums = 0, []
    for count in counts:
        total += count
        sums.append(total)
    middle = result["histogram"][bisect.bisect_left(sums, 100)][0]
    assert result["latency"]["p50"] == pytest.approx(middle)
    assert result["latency"]["min"] <= result["latency"]["p50"] <= result["latency"]["p99"] <= result["latency"]["max"]
