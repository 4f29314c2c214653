"""Reads corpus documents (tests/corpus/README.md) and runs them through the compiled driver."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peers import ajp
from support import cbuild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FOLDER = cbuild.ROOT / "tests" / "corpus"
CODECS = {"http": "http1", "fastcgi": "fastcgi", "scgi": "scgi", "uwsgi": "uwsgi", "cgi": "cgi", "ajp": "ajp"}
FRONTS = {"proxy": "proxy", "auto": "auto"}  # what stands before a codec (tests/core/front_codec.h)
# Folders of responses, for the client halves; nobody asks a CGI program for anything.
CLIENTS = {f"{name}-client": codec for name, codec in CODECS.items() if name not in {"cgi", "ajp"}}
CLIENTS["ajp-client"] = "ajp13"
REQUESTS = CODECS | FRONTS
BODY_SHOWN = 64

_ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"', "x": b""}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")


class CorpusError(Exception):
    """A document does not keep to the rules of the README."""


def unescape(text: str) -> bytes:
    r"""The bytes that a text with \r \n \t \0 \\ \xHH stands for."""
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[at : match.start()].encode())
        code = match[1]
        if len(code) == 3:
            parts.append(bytes([int(code[1:], 16)]))
        elif code == "x" or code not in _ESCAPES:
            raise CorpusError(f"unknown escape \\{code}")
        else:
            parts.append(_ESCAPES[code])
        at = match.end()
    rest = text[at:]
    if "\\" in rest:
        raise CorpusError("a backslash at the end of a line")
    return b"".join([*parts, rest.encode()])


def escape(data: bytes) -> str:
    """Bytes as the driver writes them."""
    named = {13: "\\r", 10: "\\n", 9: "\\t", 0: "\\0", 92: "\\\\"}
    return "".join(named.get(c) or (chr(c) if 0x20 <= c < 0x7F else f"\\x{c:02x}") for c in data)


@dataclass
class Case:
    """One case of a document."""

    protocol: str
    path: Path
    line: int
    heading: str
    guards: str = ""
    words: list[str] = field(default_factory=list)  # of the lines Limits:, Options:, Site: and Peer:
    data: bytes = b""
    expect: list[str] = field(default_factory=list)
    environ: list[str] | None = None

    @property
    def where(self) -> str:
        """File and line, as editors understand it."""
        path = self.path.relative_to(cbuild.ROOT) if self.path.is_relative_to(cbuild.ROOT) else self.path
        return f"{path}:{self.line}"


# --- input blocks ---


def ajp_string(data: bytes | None) -> bytes:
    """An AJP13 string; None is the null string."""
    return b"\xff\xff" if data is None else len(data).to_bytes(2, "big") + data + b"\0"


def ajp_header_name(name: str) -> bytes:
    """The code of a request header name, or its string."""
    folded = name.lower()
    return ajp.HEADERS[folded].to_bytes(2, "big") if folded in ajp.HEADERS else ajp_string(unescape(name))


def _fastcgi_record(kind: int, request_id: int, content: bytes, length: int | None = None, padding: int = 0) -> bytes:
    size = len(content) if length is None else length
    return bytes([1, kind, *request_id.to_bytes(2, "big"), *size.to_bytes(2, "big"), padding, 0]) + content


def fastcgi_pair(name: bytes, value: bytes) -> bytes:
    """A FastCGI name-value pair (specification section 3.4)."""
    sizes = b"".join(bytes([n]) if n < 128 else (n | 1 << 31).to_bytes(4, "big") for n in map(len, (name, value)))
    return sizes + name + value


def _split_pair(text: str) -> tuple[bytes, bytes]:
    name, found, value = text.partition("=")
    if not found:
        raise CorpusError(f"not NAME=VALUE: {text!r}")
    return unescape(name), unescape(value)


def _fastcgi_line(line: str) -> bytes:  # noqa: PLR0911 - one for each kind of record
    command, _, rest = line.partition(" ")
    first, _, tail = rest.partition(" ")
    match command:
        case "@begin":
            role, flags = tail.split()
            return _fastcgi_record(1, int(first), bytes([*int(role).to_bytes(2, "big"), int(flags), 0, 0, 0, 0, 0]))
        case "@abort":
            return _fastcgi_record(2, int(first), b"")
        case "@params":
            return _fastcgi_record(4, int(first), fastcgi_pair(*_split_pair(tail)) if tail else b"")
        case "@params-raw":
            return _fastcgi_record(4, int(first), unescape(tail))
        case "@stdin":
            return _fastcgi_record(5, int(first), unescape(tail))
        case "@stdout" | "@stderr":
            return _fastcgi_record(6 + (command == "@stderr"), int(first), unescape(tail))
        case "@end":
            status, protocol = map(int, tail.split())
            return _fastcgi_record(3, int(first), bytes([*status.to_bytes(4, "big"), protocol, 0, 0, 0]))
        case "@get-values":
            return _fastcgi_record(9, 0, b"".join(fastcgi_pair(unescape(name), b"") for name in rest.split()))
        case "@record":
            kind, request_id, length, padding, *content = rest.split(" ", 4)
            data = unescape(content[0]) if content else b""
            return _fastcgi_record(int(kind), int(request_id), data, int(length), int(padding))
        case _:
            raise CorpusError(f"unknown record {command}")


def _proxy_line(line: str) -> bytes:
    """@v2 COMMAND FAMILY LENGTH BYTES: a header of version 2; in the place of CRC! comes the checksum."""
    command, family, length, *rest = line.split(" ", 4)[1:]
    data = unescape(rest[0]) if rest else b""
    crc = data.find(b"\x03\0\x04CRC!") + 3 if b"\x03\0\x04CRC!" in data else -1
    size = len(data) if length == "-" else int(length)
    header = b"\r\n\r\n\0\r\nQUIT\n" + bytes.fromhex(command + family) + size.to_bytes(2, "big")
    if crc < 0:
        return header + data
    zeroed = header + data[:crc] + bytes(4) + data[crc + 4 :]
    return header + data[:crc] + _crc32c(zeroed).to_bytes(4, "big") + data[crc + 4 :]


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _ajp_answer_string(text: str) -> bytes:
    """A string; `#5` is the name with the code A005, `#null` the null string."""
    if text == "#null":
        return b"\xff\xff"
    if text.startswith("#"):
        return bytes([0xA0, int(text[1:])])
    data = unescape(text)
    return len(data).to_bytes(2, "big") + data + b"\0"


def _ajp_answer_line(line: str) -> bytes:
    """A packet of a server: its payload by name."""
    command, _, rest = line.partition(" ")
    match command:
        case "@headers":
            status, phrase, *words = rest.split()
            pairs = [word.partition("=") for word in words]
            payload = b"\4" + int(status).to_bytes(2, "big") + _ajp_answer_string(phrase)
            payload += len(pairs).to_bytes(2, "big")
            payload += b"".join(_ajp_answer_string(name) + _ajp_answer_string(value) for name, _, value in pairs)
        case "@chunk":
            data = unescape(rest)
            payload = b"\3" + len(data).to_bytes(2, "big") + data + b"\0"
        case "@get":
            payload = b"\6" + int(rest).to_bytes(2, "big")
        case "@end":
            payload = bytes([5, int(rest)])
        case _:
            payload = unescape(rest)
    return b"AB" + len(payload).to_bytes(2, "big") + payload


def _uwsgi_line(line: str) -> bytes:
    command, *words = line.split()
    modifier = int(words.pop(0)) if words and words[0].isdecimal() else 0
    pairs = [part for word in words for part in _split_pair(word)]
    block = b"".join(len(part).to_bytes(2, "little") + part for part in pairs)
    return block if command == "@block" else bytes([modifier, *len(block).to_bytes(2, "little"), 0]) + block


def _ajp_word(word: str) -> tuple[str, bytes]:
    """What a word of @forward stands for: the part of the request that it belongs to, and its bytes."""
    kind, _, rest = word.partition(":")
    name, _, value = rest.partition("=")
    data = unescape(value)
    match kind:
        case "h":
            return "headers", ajp_header_name(name) + ajp_string(data)
        case "s":
            return "headers", ajp_string(unescape(name)) + ajp_string(data)
        case "a":
            return "attributes", bytes([int(name, 16)]) + ajp_string(data)
        case "r":
            return "attributes", b"\x0a" + ajp_string(unescape(name)) + ajp_string(data)
        case "raw":
            return "attributes", unescape(rest)
        case _:
            raise CorpusError(f"unknown word {word!r}")


def _ajp_forward(line: str) -> bytes:
    """A FORWARD_REQUEST whose parts are all well-formed."""
    method, target, *words = line.split()
    parts = {"protocol": b"HTTP/1.1", "addr": b"192.0.2.7", "host": None, "server": b"shop.test", "port": b"80"}
    headers: list[bytes] = []
    attributes = b""
    for word in words:
        key, equals, value = word.partition("=")
        if equals and (key in parts or key == "ssl"):
            parts[key] = None if value == "null" else unescape(value)
            continue
        part, data = _ajp_word(word)
        if part == "headers":
            headers.append(data)
        else:
            attributes += data
    code = ajp.METHODS.get(method, 0xFF)
    if code == 0xFF:
        attributes += b"\x0d" + ajp_string(unescape(method))
    strings = [parts["protocol"], unescape(target), parts["addr"], parts["host"], parts["server"]]
    numbers = int(parts["port"] or b"0").to_bytes(2, "big") + bytes([int(parts.get("ssl") or b"0")])
    count = len(headers).to_bytes(2, "big")
    payload = [bytes([2, code]), *map(ajp_string, strings), numbers, count, *headers, attributes, b"\xff"]
    return ajp.packet(b"".join(payload))


def _ajp_line(line: str) -> bytes:
    command, _, rest = line.partition(" ")
    match command:
        case "@forward":
            return _ajp_forward(rest)
        case "@packet":
            return ajp.packet(unescape(rest))
        case "@data":
            return ajp.data_packet(unescape(rest))
        case _:
            raise CorpusError(f"unknown packet {command}")


def _input_line(protocol: str, line: str) -> bytes:
    if line.startswith("@repeat "):
        count, _, rest = line.removeprefix("@repeat ").partition(" ")
        return int(count) * _input_line(protocol, rest)
    if protocol.removesuffix("-client") == "fastcgi" and line.startswith("@"):
        return _fastcgi_line(line)
    if protocol == "scgi" and line.startswith("@netstring "):
        pairs = [_split_pair(word) for word in line.split()[1:]]
        block = b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
        return b"%d:%s," % (len(block), block)
    if protocol == "proxy" and line.startswith("@v2 "):
        return _proxy_line(line)
    if protocol in {"ajp", "ajp-client"} and line.startswith("@"):
        return _ajp_line(line) if protocol == "ajp" else _ajp_answer_line(line)
    if protocol == "uwsgi" and line.startswith(("@packet ", "@block ")):
        return _uwsgi_line(line)
    if protocol == "cgi" and line.startswith("@environ "):
        return b"".join(unescape(word) + b"\0" for word in line.split()[1:]) + b"\0"
    return unescape(line)


# --- documents ---


def _blocks(lines: Sequence[str], start: int) -> Iterator[tuple[int, str, list[str]]]:
    """Pieces of a document: ("line", [text]) and (name of a fenced block, its lines)."""
    at = start
    while at < len(lines):
        if lines[at].startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")), None)
            if end is None:
                raise CorpusError(f"line {at + 1}: the block has no end")
            yield at + 1, lines[at][3:].strip(), list(lines[at + 1 : end])
            at = end + 1
        else:
            yield at + 1, "line", [lines[at]]
            at += 1


def _fill(case: Case, kind: str, block: list[str]) -> None:
    if kind == "input":
        case.data = b"".join(_input_line(case.protocol, line) for line in block)
    elif kind == "expect":
        case.expect = [line.rstrip() for line in block if line.strip()]
    elif kind == "environ":
        case.environ = [line for line in block if line.strip()]
    elif kind != "line":
        raise CorpusError(f"unknown block {kind!r}")
    elif block[0].startswith("Guards:"):
        case.guards = block[0].removeprefix("Guards:").strip()
    elif block[0].startswith(("Limits:", "Options:", "Site:", "Peer:")):
        case.words += block[0].partition(":")[2].split()


def _check(case: Case) -> None:
    if not case.guards:
        raise CorpusError(f"{case.where}: the case has no Guards: line")
    if not case.data and case.protocol in REQUESTS and not any("EOF" in line for line in case.expect):
        raise CorpusError(f"{case.where}: the case has no input")
    if not case.expect:
        raise CorpusError(f"{case.where}: the case expects nothing")


def read_document(path: Path) -> list[Case]:
    """The cases of one document."""
    cases: list[Case] = []
    protocol = path.relative_to(FOLDER).parts[0] if path.is_relative_to(FOLDER) else path.parent.name
    for number, kind, block in _blocks(path.read_text().splitlines(), 0):
        if kind == "line" and block[0].startswith("## "):
            cases.append(Case(protocol, path, number, block[0].removeprefix("## ").strip()))
        elif cases:
            try:
                _fill(cases[-1], kind, block)
            except (CorpusError, ValueError) as error:
                raise CorpusError(f"{cases[-1].where}: {error}") from error
    for case in cases:
        _check(case)
    return cases


def documents(folders: Iterable[str] = tuple(REQUESTS)) -> list[Path]:
    """All documents of all protocols; with CLIENTS those of responses."""
    return sorted(path for protocol in folders for path in (FOLDER / protocol).rglob("*.md"))


# --- running them ---


@dataclass
class Outcome:
    """What the driver saw."""

    events: list[str] = field(default_factory=list)
    environ: list[str] = field(default_factory=list)
    deliveries: int = 0
    differing: str = ""  # the description of a delivery that gave something else
    differing_events: list[str] = field(default_factory=list)
    crash: str = ""  # what the driver said when it died in this case


def program(name: str, flags: Sequence[str] = cbuild.SANITIZED) -> Path:
    """A program of tests/core that reads cases, compiled."""
    sources = [cbuild.ROOT / f"tests/core/{name}.c", *cbuild.harness_sources()]
    return cbuild.build(name, [*sources, *cbuild.core_sources("base", "codec")], flags)


def request_of(case: Case) -> bytes:
    """The case as the driver reads it."""
    words = [f"proto={(REQUESTS | CLIENTS)[case.protocol]}", *case.words, f"size={len(case.data)}"]
    return " ".join(words).encode() + b"\n" + case.data


def _parse_answers(text: str) -> tuple[list[Outcome], Outcome]:
    """Complete answers, and what there is of the next one."""
    done: list[Outcome] = []
    current = Outcome()
    for line in text.splitlines():
        mark, rest = line[:1], line[2:]
        if mark == "E":
            current.events.append(rest)
        elif mark == "V":
            current.environ.append(rest)
        elif mark == "N":
            current.deliveries = int(rest)
        elif mark == "D":
            current.differing = rest
        elif mark == "F":
            current.differing_events.append(rest)
        elif mark == ".":
            done.append(current)
            current = Outcome()
    return done, current


def _crash_report(driver: Path, case: Case) -> str:
    again = subprocess.run([driver, "--trace"], input=request_of(case), capture_output=True, check=False)
    lines = again.stderr.decode(errors="replace").splitlines()
    last = max((i for i, line in enumerate(lines) if line.startswith("delivery: ")), default=0)
    return "\n".join([f"exit status {again.returncode}", *lines[last : last + 40]])


def run_cases(cases: Sequence[Case], driver: Path | None = None) -> list[Outcome]:
    """Replays cases; a crash is the outcome of the case that it happened in."""
    driver = driver or program("corpus_driver")
    outcomes: list[Outcome] = []
    while len(outcomes) < len(cases):
        left = cases[len(outcomes) :]
        ran = subprocess.run([driver], input=b"".join(map(request_of, left)), capture_output=True, check=False)
        done, partial = _parse_answers(ran.stdout.decode("ascii"))
        outcomes += done
        if len(done) < len(left):
            partial.crash = _crash_report(driver, left[len(done)])
            outcomes.append(partial)
    return outcomes


def torture(name: str, cases: Sequence[Case], *options: str) -> int:
    """Lets a program of tests/core make every allocation of every case fail; how many it made fail."""
    ran = subprocess.run(
        [program(name), *options], input=b"".join(map(request_of, cases)), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")
    counts = re.fullmatch(r"(\d+) cases, (\d+) faults\n", ran.stdout.decode())
    assert counts
    assert int(counts[1]) == len(cases)
    return int(counts[2])


# --- judging ---


def normal_event(line: str) -> str:
    """An expected event line in the form that the driver writes."""
    if re.match(r'HEAD \d{3} |(INTERIM|FIELD|STDERR) |BODY "', line):
        return escape(unescape(line))
    quoted = re.fullmatch(r'(BODY \d+|REPLY) "(.*)"( fatal)?', line)
    if quoted:
        data = unescape(quoted[2])
        if quoted[1] != "REPLY" and len(data) > BODY_SHOWN:
            return f"{quoted[1]} {len(data)} bytes"
        return f'{quoted[1]} "{escape(data)}"{quoted[3] or ""}'
    if line.startswith("HEAD "):
        return " ".join(escape(unescape(word)) for word in line.split())
    return " ".join(line.split())


def _judge_environ(case: Case, got: Sequence[str]) -> list[str]:
    problems: list[str] = []
    names = [line.partition("=")[0] for line in got]
    problems += [f"environ: {name} stands twice" for name in sorted(set(names)) if names.count(name) > 1]
    for want in case.environ or []:
        name, equals, value = want.partition("=")
        if want.startswith("REFUSED "):
            held = got[:1] == [want.strip()]
        elif want.startswith("-"):
            refused = any(line.startswith("REFUSED") for line in got)
            held = bool(got) and not refused and want[1:].strip() not in names
        elif equals:
            held = f"{name}={escape(unescape(value))}" in got
        else:
            raise CorpusError(f"{case.where}: environ line {want!r}")
        if not held:
            problems.append(f"environ: {want}")
    if problems:
        problems += ["the environ was:", *(f"    {line}" for line in got)]
    return problems


def judge(case: Case, outcome: Outcome) -> str:
    """Empty when the case holds, or a report of what does not."""
    got = [re.sub(r" #[0-9a-f]{16}$", "", line) for line in outcome.events]
    want = [normal_event(line) for line in case.expect]
    if not any(line.startswith("EOF") for line in want):
        got = [line for line in got if not line.startswith("EOF")]
    report: list[str] = []
    if outcome.crash:
        report += ["the driver died:", outcome.crash]
    if got != want:
        report += ["expected:", *(f"    {line}" for line in want), "got:", *(f"    {line}" for line in got)]
    if outcome.differing:
        report += [f"another result for the delivery {outcome.differing!r}:"]
        report += [f"    {line}" for line in outcome.differing_events]
    if not outcome.crash:
        report += _judge_environ(case, outcome.environ)
    if not report:
        return ""
    return "\n".join([f"{case.where}: {case.heading}", f"guards: {case.guards}", *report])
