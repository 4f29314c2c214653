"""`make bench`: measures Polydoor side by side with other servers and prints the tables. See README.md.

Without --full and --only it measures a selection, which takes less than five minutes.
"""

import argparse
import compileall
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
import processes
import programs
import report
import rivals
import rounds
import servers
import summary
import tables
import wrk
from case import Case, Entry
from cases import CASES

RESULTS = rivals.HERE / "results"
INTERRUPTED = 130
SPEED = "speed"
FREE_THREADED = "free-threaded"  # what is measured without the GIL stands beside the rest
START = "start"  # the case that is no load: see footprint.py


def main(arguments: list[str]) -> int:
    """Return 0 when all was measured and every response was right; a missed target is a result, not a failure."""
    options = parse(arguments)
    if options.pages:
        return write_pages()
    if not wrk.is_there():
        say("wrk is not there, so the row that checks our load generator is left out; `make test-deps` installs it")
    if frontend.program() is None:
        say("nginx is not there, so FastCGI and SCGI are left out; `make test-deps` installs it")
    try:
        rivals.prepare(say)
        generator.build()
        compile_applications(processes.APPS)
        return measure_all(options)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except (rivals.RivalError, generator.LoadError, processes.ServerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def compile_applications(folder: Path) -> None:
    """Leave bytecode where every server finds it, as that of an installed application.

    Without the GIL it matters under load, too: CPython 3.13 makes the numbers of a function immortal when they come
    from a file of bytecode. Threads share the others, at twice the processor time.
    """
    compileall.compile_dir(folder, quiet=2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    keys = [*(case.key for case in CASES), START, overload.CASE, hosted.CASE]
    parser.add_argument("--only", action="append", choices=keys, metavar="CASE", help=f"one of {', '.join(keys)}")
    parser.add_argument("--skip", action="append", choices=keys, metavar="CASE", help="not this one")
    parser.add_argument("--server", action="append", choices=sorted(servers.KINDS), metavar="NAME", help="only these")
    parser.add_argument("--full", action="store_true", help="every case, not the selection")
    parser.add_argument(
        "--quick", action="store_true", help="3 rounds of 1 s instead of 5, of 2 s but in the selection"
    )
    parser.add_argument("--rounds", type=int, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, help="load for each server in each round")
    parser.add_argument("--tcp", action="store_true", help="TCP between nginx and the servers, not Unix sockets")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables and plots as an HTML page")
    parser.add_argument("--write", action="store_true", help="write results/, and the README's table")
    parser.add_argument("--pages", action="store_true", help="write them anew from results/speed.json")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick or is_selection(options) else 2.0)
    return options


def is_selection(options: argparse.Namespace) -> bool:
    """Whether only the cases are measured that fit into five minutes."""
    return not options.full and not options.only


def measure_all(options: argparse.Namespace) -> int:
    """Run the chosen cases, print and perhaps write what came out; an interrupt leaves what was measured till then."""
    server_core, load_core = rounds.plan_cores()
    # Servers are moved to their own core; this program, the load and nginx stay on the other one.
    os.sched_setaffinity(0, {load_core})
    plan = rounds.Plan(options.seconds, options.rounds, server_core, load_core, uses_tcp=options.tcp)
    versions = rivals.versions()
    facts = machine.facts(versions)
    ticks = measure.machine_ticks()
    began = time.monotonic()
    outcomes: list[rounds.Outcome] = []
    is_whole = False
    try:
        for case in chosen(options):
            outcomes.append(rounds.run(case, plan, versions, progress))
            outcomes[-1].measured = occasion(case, plan, facts)
            if options.write:
                write_speed(outcomes, plan, facts)
        is_whole = True
    except KeyboardInterrupt:
        say("interrupted; the case that was under way is left out")
    facts["stolen by the hypervisor"] = f"{measure.steal_share(ticks, measure.machine_ticks()):.1%} of the time"
    facts["noise"] = f"rounds of a server lie {tables.noise(outcomes):.1%} apart (the middle server's figure)"
    if outcomes:
        show(outcomes, facts)
        if options.report:
            options.report.write_text(report.page(outcomes, plan, facts), encoding="utf-8")
            say(f"wrote {options.report}")
        if options.write:
            write_speed(outcomes, plan, facts)
    if not is_whole:
        return INTERRUPTED
    measure_others(options, plan, versions, facts)
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    faults = [fault for outcome in outcomes for fault in outcome.faults()]
    for fault in faults:
        print(f"bench: not right: {fault}", file=sys.stderr)
    return 1 if faults else 0


def measure_others(
    options: argparse.Namespace, plan: rounds.Plan, versions: dict[str, str], facts: dict[str, str]
) -> None:
    """What has tables of its own."""
    skipped, only = options.skip or (), options.only or ()
    if (options.full or not only or START in only) and START not in skipped:
        measure_start(plan, versions, facts, is_written=options.write)
    if (options.full or overload.CASE in only) and overload.CASE not in skipped:
        measure_overload(plan, versions, facts, is_written=options.write)
    if (options.full or hosted.CASE in only) and hosted.CASE not in skipped:
        measure_hosted(plan, facts, is_written=options.write)


def occasion(case: Case, plan: rounds.Plan, facts: dict[str, str]) -> dict[str, str]:
    """When, from what and how often a case was measured: cases of several runs stand in one result."""
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    times = f"in {min(plan.rounds, case.most_rounds)} rounds"
    times += f" of {case.count} requests" if case.count else f" of {plan.seconds:g} s"
    return {"date": machine.now(), "Polydoor": f"Polydoor {facts['Polydoor']}", "rounds": times, "load": f"load {load}"}


def write_speed(outcomes: list[rounds.Outcome], plan: rounds.Plan, facts: dict[str, str]) -> None:
    """Write results/speed with these cases, and with what stands there of the others; then the README's table.

    Of a Python without the GIL it is results/free-threaded, and the README stays as it is.
    """
    path = RESULTS / f"{named(SPEED)}.json"
    earlier = tables.restored(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
    every = tables.merged(earlier, outcomes)
    facts = facts | {"noise": f"rounds of a server lie {tables.noise(every):.1%} apart (the middle server's figure)"}
    document = tables.document(every, plan, facts)
    write(SPEED, document, tables.page(every, plan, facts))
    path.with_suffix(".html").write_text(report.page(every, plan, facts), encoding="utf-8")
    if not rivals.IS_FREE_THREADED:
        summary.write(document)


def write_pages() -> int:
    """Make the pages anew from results/speed.json."""
    name = f"{named(SPEED)}.json"
    document = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    if not tables.restored(document):
        print(f"bench: results/{name} is of an older form; measure with --write", file=sys.stderr)
        return 1
    write_speed([], rounds.Plan(**document["plan"]), document["facts"])
    return 0


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases, and in them the servers, that were asked for."""
    only, skipped = options.only or (), options.skip or ()
    every = [case for case in CASES if case.key not in skipped]
    asked = [case for case in every if options.full or not only or case.key in only]
    wanted = [case.shortened() for case in asked if case.is_selected] if is_selection(options) else asked
    return [case.narrowed(options.server) for case in wanted] if options.server else wanted


def progress(case: Case, number: int, entry: Entry, sample: rounds.Sample | None) -> None:
    """One line for each sample."""
    cost = 0.0 if sample is None else sample.cost_of_all if case.counts_front else sample.cost
    told = f"{cost * 1e6:8.2f} µs  {tables.rate_text(sample.rate):>8} /s" if sample else "was left out"
    say(f"{case.key:8} round {number}  {entry.label:28} {told}")


def show(outcomes: list[rounds.Outcome], facts: dict[str, str]) -> None:
    """Print all tables."""
    for outcome in outcomes:
        print(f"\n{outcome.case.title}\n\n{tables.text(tables.case_table(outcome))}")
        for remark in tables.remarks(outcome):
            print(f"  {remark}")
    targets = tables.target_table(outcomes)
    if len(targets) > 1:
        print(f"\nRatios, round by round\n\n{tables.text(targets)}\n\n{tables.BOUND}\n")
    for name, value in facts.items():
        print(f"{name:26} {value}")


def measure_start(plan: rounds.Plan, versions: dict[str, str], facts: dict[str, str], *, is_written: bool) -> None:
    """The way to the first response, and memory."""
    outcome = footprint.run(plan, versions, say)
    print(f"\nStart and memory; a bare interpreter has {outcome.bare_mib:.1f} MiB\n")
    print(f"{tables.text(footprint.table(outcome))}\n\n{tables.text(footprint.target_table(outcome))}\n")
    if is_written:
        write(START, {"facts": facts} | footprint.document(outcome), footprint.page(outcome, plan, facts))


def measure_overload(plan: rounds.Plan, versions: dict[str, str], facts: dict[str, str], *, is_written: bool) -> None:
    """What becomes of a server that is asked for more than it can do."""
    outcomes = overload.run(plan, versions, say)
    facts = {name: value for name, value in facts.items() if name not in overload.NOT_PART}
    print(f"\nOverload\n\n{tables.text(overload.table(outcomes))}\n")
    if is_written:
        write(overload.CASE, overload.document(outcomes, facts), overload.page(outcomes, facts))


def measure_hosted(plan: rounds.Plan, facts: dict[str, str], *, is_written: bool) -> None:
    """The CGI stub behind a web server."""
    if programs.lighttpd() is None:
        say("lighttpd is not there, so the CGI stub is left out; `make test-deps` installs it")
        return
    samples = hosted.run(plan, say)
    facts = {name: value for name, value in facts.items() if name not in hosted.NOT_PART}
    print(f"\nThe CGI stub\n\n{tables.text(hosted.cost_table(samples))}\n")
    print(f"{tables.text(hosted.promise_table(samples))}\n")
    if is_written:
        write(hosted.CASE, hosted.document(samples, facts), hosted.page(samples, facts))


def named(name: str) -> str:
    """What the files of a result are called."""
    if not rivals.IS_FREE_THREADED:
        return name
    return FREE_THREADED if name == SPEED else f"{FREE_THREADED}-{name}"


def write(name: str, document: dict[str, Any], page: str) -> None:
    """Write raw data and page."""
    name = named(name)
    RESULTS.mkdir(exist_ok=True)
    data = json.dumps(document, indent=1, ensure_ascii=False)
    for path, content in ((RESULTS / f"{name}.json", f"{data}\n"), (RESULTS / f"{name}.md", page)):
        unfinished = path.with_suffix(".new")
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)  # whole, also when it is interrupted
        say(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def say(line: str) -> None:
    """Tell at once how far it is."""
    print(f"bench: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
