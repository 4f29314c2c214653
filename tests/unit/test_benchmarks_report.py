"""The HTML page and its plots: whole, self-contained, and showing what was measured."""

import re
import xml.etree.ElementTree as ET

import pytest

import report
import rounds
import svg
from cases import Case, Entry, Target, at_most
from figures import Figure

SVG = "{http://www.w3.org/2000/svg}"
CASE = Case(
    key="scgi",
    title="SCGI & friends",
    entries=(Entry("polydoor", door="scgi"), Entry("uwsgi", door="scgi"), Entry("floor", door="scgi")),
    references=("uwsgi-scgi",),
    targets=(Target("polydoor-scgi", "uwsgi-scgi", at_most(1.0)),),
    notes=("A note with <angles>.",),
)
PLAN = rounds.Plan(seconds=2.0, rounds=5, server_core=0, load_core=1)


def sample(cost):
    return rounds.Sample(
        requests=1000,
        seconds=0.5,
        cpu_seconds=cost * 1000 / 1e6,
        bytes=150_000,
        faults=[],
        in_time=1000,
        latency={"p50": 0.0002, "p99": 0.0015, "p99.9": 0.03},
        load_cpu_seconds=0.1,
    )


def page(**costs):
    samples = {f"{kind}-scgi": [sample(cost) for cost in each] for kind, each in costs.items()}
    found = rounds.Outcome(CASE, samples, absent={"floor-scgi": "it did not start"})
    return report.page([found], PLAN, {"processor": "a fast <one>"})


def drawings(text):
    return [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_page_shows_tables_plots_and_facts():
    text = page(polydoor=[9.0] * 5, uwsgi=[12.0] * 5)
    assert text.startswith("<!DOCTYPE html>")
    for expected in (
        "<h2>SCGI &amp; friends</h2>",
        "A note with &lt;angles&gt;.",
        "a fast &lt;one&gt;",
        "empty C server SCGI was not measured: it did not start",
        '<td class="words">met</td>',
        "Medians of 5 interleaved rounds of 2 s",
    ):
        assert expected in text
    cost, latency = drawings(text)
    assert (cost.find(f"{SVG}title").text, latency.find(f"{SVG}title").text) == (
        "Server processor time per request",
        "Latency",
    )


def test_page_needs_nothing_else():
    text = page(polydoor=[9.0], uwsgi=[12.0])
    assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|<img|@import|url\(", text)


def test_every_opened_tag_is_closed():
    text = page(polydoor=[9.0], uwsgi=[12.0])
    body = re.sub(r"<meta[^>]*>|<!DOCTYPE html>", "", text).replace("&#160;", " ")
    assert ET.fromstring(body).tag == "html"


def test_case_without_any_figure_has_no_plot():
    assert drawings(page()) == []


def test_bars_are_as_long_as_their_values_and_ours_stand_out():
    rows = [svg.Bar("a", Figure(5.0, 4.0, 10.0), is_ours=True), svg.Bar("b", Figure(10.0, 10.0, 10.0), is_ours=False)]
    drawing = ET.fromstring(svg.bars("Cost", rows, "µs"))
    first, second = drawing.findall(f"{SVG}rect")
    assert float(second.get("width")) == pytest.approx(2 * float(first.get("width")), abs=0.2)
    assert first.get("fill") != second.get("fill")
    texts = [text.text for text in drawing.findall(f"{SVG}text")]
    assert {"a", "b", "5", "10", "10 µs"} <= set(texts)


def test_percentiles_stand_on_a_logarithmic_scale():
    drawing = ET.fromstring(svg.percentiles("Latency", [("a", {"p50": 0.001, "p99": 0.01, "p99.9": 0.1})]))
    places = [float(dot.get("cx")) for dot in drawing.findall(f"{SVG}circle")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert [dot.find(f"{SVG}title").text for dot in drawing.findall(f"{SVG}circle")] == [
        "p50: 1 ms",
        "p99: 10 ms",
        "p99.9: 100 ms",
    ]
