"""`make bench`: measures Polydoor side by side with other servers and prints the tables. See README.md.

Without --full and --only it measures a selection, which takes less than five minutes.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import footprint
import frontend
import generator
import hosted
import machine
import measure
import overload
import report
import rivals
import rounds
import servers
import tables
import wrk
from cases import CASES, Case, Entry

RESULTS = rivals.HERE / "results"
START = "start"  # the case that is no load: see footprint.py


def main(arguments: list[str]) -> int:
    """Return 0 when all was measured and every response was right; a missed target is a result, not a failure."""
    options = parse(arguments)
    if not wrk.is_there():
        say("wrk is not there, so the row that checks our load generator is left out; `make test-deps` installs it")
    if frontend.program() is None:
        say("nginx is not there, so FastCGI and SCGI are left out; `make test-deps` installs it")
    try:
        rivals.prepare(say)
        generator.build()
        return measure_all(options)
    except (rivals.RivalError, generator.LoadError, servers.ServerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    keys = [*(case.key for case in CASES), START, overload.CASE, hosted.CASE]
    parser.add_argument("--only", action="append", choices=keys, metavar="CASE", help=f"one of {', '.join(keys)}")
    parser.add_argument("--server", action="append", choices=sorted(servers.KINDS), metavar="NAME", help="only these")
    parser.add_argument("--full", action="store_true", help="every case, not the selection")
    parser.add_argument(
        "--quick", action="store_true", help="3 rounds of 1 s instead of 5, of 2 s but in the selection"
    )
    parser.add_argument("--rounds", type=int, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, help="load for each server in each round")
    parser.add_argument("--tcp", action="store_true", help="TCP between nginx and the servers, not Unix sockets")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables and plots as an HTML page")
    parser.add_argument("--write", action="store_true", help="write results/speed and results/start")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick or is_selection(options) else 2.0)
    return options


def is_selection(options: argparse.Namespace) -> bool:
    """Whether only the cases are measured that fit into five minutes."""
    return not options.full and not options.only


def measure_all(options: argparse.Namespace) -> int:
    """Run the chosen cases, print and perhaps write what came out."""
    server_core, load_core = rounds.plan_cores()
    # Servers are moved to their own core; this program, the load and nginx stay on the other one.
    os.sched_setaffinity(0, {load_core})
    plan = rounds.Plan(options.seconds, options.rounds, server_core, load_core, uses_tcp=options.tcp)
    versions = rivals.versions()
    facts = machine.facts(versions)
    ticks = measure.machine_ticks()
    began = time.monotonic()
    outcomes = [rounds.run(case, plan, versions, progress) for case in chosen(options)]
    facts["stolen by the hypervisor"] = f"{measure.steal_share(ticks, measure.machine_ticks()):.1%} of the time"
    facts["noise"] = f"rounds of a server lie {tables.noise(outcomes):.1%} apart (the middle server's figure)"
    if outcomes:
        show(outcomes, facts)
    for path in [*([options.report] if options.report else []), *([RESULTS / "speed.html"] if options.write else [])]:
        if outcomes:
            path.write_text(report.page(outcomes, plan, facts), encoding="utf-8")
            say(f"wrote {path}")
    if outcomes and options.write:
        write("speed", tables.document(outcomes, plan, facts), tables.page(outcomes, plan, facts))
    if options.full or not options.only or START in options.only:
        measure_start(plan, versions, facts, is_written=options.write)
    if options.full or overload.CASE in (options.only or ()):
        measure_overload(plan, versions, facts, is_written=options.write)
    if options.full or hosted.CASE in (options.only or ()):
        measure_hosted(plan, facts, is_written=options.write)
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    faults = [fault for outcome in outcomes for fault in outcome.faults()]
    for fault in faults:
        print(f"bench: not right: {fault}", file=sys.stderr)
    return 1 if faults else 0


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases, and in them the servers, that were asked for."""
    asked = CASES if options.full else [case for case in CASES if not options.only or case.key in options.only]
    wanted = [case.shortened() for case in asked if case.is_selected] if is_selection(options) else list(asked)
    return [case.narrowed(options.server) for case in wanted] if options.server else wanted


def progress(case: Case, number: int, entry: Entry, sample: rounds.Sample | None) -> None:
    """One line for each sample."""
    told = f"{sample.cost * 1e6:8.2f} µs  {tables.rate_text(sample.rate):>8} /s" if sample else "was left out"
    say(f"{case.key:8} round {number}  {entry.label:28} {told}")


def show(outcomes: list[rounds.Outcome], facts: dict[str, str]) -> None:
    """Print all tables."""
    for outcome in outcomes:
        print(f"\n{outcome.case.title}\n\n{tables.text(tables.case_table(outcome))}")
        for remark in tables.remarks(outcome):
            print(f"  {remark}")
    print(f"\nRatios, round by round\n\n{tables.text(tables.target_table(outcomes))}\n\n{tables.BOUND}\n")
    for name, value in facts.items():
        print(f"{name:26} {value}")


def measure_start(plan: rounds.Plan, versions: dict[str, str], facts: dict[str, str], *, is_written: bool) -> None:
    """The way to the first response, and memory."""
    bare = footprint.bare_interpreter_kib()
    samples = footprint.run(plan, versions, say)
    rows = footprint.table(samples, bare)
    print(f"\nStart and memory; a bare interpreter has {bare / 1024:.1f} MiB\n\n{tables.text(rows)}\n")
    if is_written:
        page = footprint.page(rows, bare, plan, facts)
        write("start", {"facts": facts} | footprint.document(samples, bare), page)


def measure_overload(plan: rounds.Plan, versions: dict[str, str], facts: dict[str, str], *, is_written: bool) -> None:
    """What becomes of a server that is asked for more than it can do."""
    outcomes = overload.run(plan, versions, say)
    facts = {name: value for name, value in facts.items() if name not in overload.NOT_PART}
    print(f"\nOverload\n\n{tables.text(overload.table(outcomes))}\n")
    if is_written:
        write(overload.CASE, overload.document(outcomes, facts), overload.page(outcomes, facts))


def measure_hosted(plan: rounds.Plan, facts: dict[str, str], *, is_written: bool) -> None:
    """The CGI stub behind a web server."""
    if hosted.program() is None:
        say("lighttpd is not there, so the CGI stub is left out; `make test-deps` installs it")
        return
    samples = hosted.run(plan, say)
    facts = {name: value for name, value in facts.items() if name not in hosted.NOT_PART}
    print(f"\nThe CGI stub\n\n{tables.text(hosted.cost_table(samples))}\n")
    print(f"{tables.text(hosted.promise_table(samples))}\n")
    if is_written:
        write(hosted.CASE, hosted.document(samples, facts), hosted.page(samples, facts))


def write(name: str, document: dict[str, Any], page: str) -> None:
    """Write raw data and page."""
    RESULTS.mkdir(exist_ok=True)
    data = json.dumps(document, indent=1, ensure_ascii=False)
    for path, content in ((RESULTS / f"{name}.json", f"{data}\n"), (RESULTS / f"{name}.md", page)):
        path.write_text(content, encoding="utf-8")
        say(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def say(line: str) -> None:
    """Tell at once how far it is."""
    print(f"bench: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
