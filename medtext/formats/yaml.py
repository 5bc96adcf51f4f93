"""Span files for a person with a text editor: one note a document, one span a line.

The record is that of spanfile, with `note` for the id, the three axes of an assertion beside the label, and whatever
equals its default left out. It is written so that YAML 1.1 and 1.2 read the same; reading, only true, false, null
and plain numbers are more than text, and where a text belongs even those are text (a quote of 140 needs no quotes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import yaml

from medtext.errors import FormatError, Problem
from medtext.formats import Format
from medtext.formats.spanfile import (
    ASSERTION_KEYS,
    FORMAT_NAME,
    NOTE_KEYS,
    RELATION_KEYS,
    SPAN_KEYS,
    note_to_record,
    record_to_note,
)
from medtext.note import Note

_NOTE_KEYS = tuple("note" if key == "id" else key for key in NOTE_KEYS)
_LINE_KEYS = tuple(key for key in SPAN_KEYS if key != "assertion") + ASSERTION_KEYS
_LINES = {"spans": _LINE_KEYS, "relations": RELATION_KEYS}
_TEXT_KEYS = {
    *("note", "format", "text", "sha256"),
    *("id", "quote", "layer", "label", "status", "codes", "comment", *ASSERTION_KEYS),
    *("type", "from", "to"),
}
_DEFAULTS = {"layer": "entity", "status": "predicted"}

# A word that both versions of YAML read as text; a text of characters that stand in YAML as they are; a block of them.
_PLAIN = re.compile(r"[A-Za-z][\w./+()%-]*(?: [\w./+()%-]+)*", re.ASCII)
_MISREAD = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_SHOWN = "\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_LINE = re.compile(f"[{_SHOWN}]*")
_BLOCK = re.compile(f"[\t\n{_SHOWN}]*")
_ESCAPED = re.compile(f'["\\\\]|[^{_SHOWN}]')


def write(notes: Iterable[Note], stream: BinaryIO) -> None:
    """One document a note, UTF-8."""
    for number, note in enumerate(notes):
        stream.write(b"---\n" * bool(number) + dump(note).encode("utf-8"))


def dump(note: Note) -> str:
    """A note as one YAML document."""
    record = note_to_record(note)
    lines = [f"note: {_flow(note.id)}"]
    if note.deidentified:
        lines.append("deidentified: true")
    lines += [f"{key}: {_flow(record[key])}" for key in ("review", "meta") if record.get(key)]
    lines.append(f"text: {_text(note.text)}")
    spans = [_flatten(one) for one in record["spans"]]
    for key, items in (("spans", spans), ("relations", record["relations"])):
        if items or key == "spans":
            lines += [f"{key}:" if items else f"{key}: []", *(f"- {_flow(_short(item))}" for item in items)]
    if note.x:
        lines.append(f"x: {_flow(record['x'])}")
    return "\n".join(lines) + "\n"


def _flatten(span: dict[str, Any]) -> dict[str, Any]:
    axes = span.pop("assertion", {})
    return span | axes


def _short(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if _DEFAULTS.get(key) != value}


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    number = json.dumps(value, allow_nan=False)
    # YAML 1.1 takes 1e16 for text and 1.0e+16 for a number.
    return re.sub(r"^(-?\d+)e", r"\1.0e", number)


def _scalar(text: str) -> str:
    """A text on one line: plain, in single quotes, or in double quotes with escapes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MISREAD:
        return text
    if _LINE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    character, number = match[0], ord(match[0])
    return short.get(character) or (f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}")


def _text(text: str) -> str:
    """A note's text: as a block where that is exact, else on one line."""
    if not text.strip(" \t\n") or not _BLOCK.fullmatch(text):
        return _scalar(text)
    indent = "2" if text[0] in " \t\n" else ""
    keep = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") else ""
    lines = "\n".join("  " + line if line else "" for line in text.removesuffix("\n").split("\n"))
    return f"|{indent}{keep}\n{lines}"


def read(stream: BinaryIO, *, name: str) -> Iterator[Note | Problem]:
    """One note a document; a document that is none becomes a Problem with file:line."""
    for first, chunk in _documents(stream):
        try:
            note = _Document(chunk, name, first).note()
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=error.where)
        else:
            if note is not None:
                yield note


def _documents(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, bytes) of each document. A line that begins with --- cannot stand inside one."""
    first, lines = 1, []
    for number, line in enumerate(stream, 1):
        if line[:3] == b"---" and not line[3:4].strip() and lines:
            yield first, b"".join(lines)
            first, lines = number, []
        lines.append(line)
    yield first, b"".join(lines)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML in which only what JSON knows is more than text: NO, 12:30 and 2024-03-02 are texts."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - PyYAML's own name; filled below, once


_TAG = "tag:yaml.org,2002:"
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
for _kind, _pattern, _starts in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", _NUMBER, "-0123456789"),
    ("float", rf"{_NUMBER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), list(_starts))
_TAGS = {_TAG + kind for kind in ("bool", "null", "int", "float", "str", "seq", "map")}


class _Document:
    """One document and where it stands; whatever is wrong with it becomes a FormatError with file:line."""

    def __init__(self, chunk: bytes, name: str, first: int) -> None:
        self.name, self.first = name, first
        try:
            self.loader = _Loader(chunk.decode("utf-8-sig" if first == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            line = chunk.count(b"\n", 0, error.start)
            raise self.error("not UTF-8. Convert the file to UTF-8.", line) from None
        except yaml.YAMLError as error:
            raise self.no_yaml(error) from None

    def error(self, message: str, line: int = 0, note_id: str = "") -> FormatError:
        return FormatError(message, where=f"{self.name}:{self.first + line}", note_id=note_id)

    def no_yaml(self, error: yaml.YAMLError) -> FormatError:
        """What PyYAML found wrong, without the pieces of the file that it likes to quote."""
        mark = getattr(error, "problem_mark", None)
        problem = re.sub(r"'.*'|\".*\"|#x\w+", "…", getattr(error, "problem", "") or "a character that YAML forbids")
        return self.error(f"not YAML: {problem}.", mark.line if mark else 0)

    def note(self) -> Note | None:
        """The note; None for a document of comments only."""
        try:
            node = self.loader.get_single_node()
            if node is None or node.tag == _TAG + "null":
                return None
            self.check(node, set())
            self.shape(node)
            record = self.loader.construct_document(node)
        except yaml.YAMLError as error:
            raise self.no_yaml(error) from None
        except FormatError:
            raise
        except (ValueError, RecursionError):
            raise self.error("not YAML: a number or a nesting that cannot be read.") from None
        finally:
            self.loader.dispose()
        return self.build(record, node)

    def check(self, node: yaml.Node, seen: set[int]) -> None:
        """Refuse aliases, tags beyond JSON's types, and keys that stand twice."""
        line = node.start_mark.line
        if id(node) in seen:
            raise self.error("an alias (*) has no place in a span file. A text that begins with * needs quotes.", line)
        if node.tag not in _TAGS:
            raise self.error("a tag (!) has no place in a span file. A text that begins with ! needs quotes.", line)
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for one in node.value:
                self.check(one, seen)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise self.error("a key must be a plain name.", key.start_mark.line)
                if key.value in keys:
                    raise self.error("the same key stands twice.", key.start_mark.line)
                keys.add(key.value)
                key.tag = _TAG + "str"
                self.check(value, seen)

    def shape(self, root: yaml.Node) -> None:
        """Check the keys of the note and of its lines, and make text of what must be text."""
        values = self.fields(root, _NOTE_KEYS, "a note")
        for key, known in _LINES.items():
            for line in self.lines(values.get(key), key):
                self.fields(line, known, f"a line of {key}")

    def lines(self, node: yaml.Node | None, key: str) -> list[yaml.Node]:
        if node is None or node.tag == _TAG + "null":
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"{key} must be a list: one line each, beginning with - .", node.start_mark.line)
        return node.value

    def fields(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(f"{what} must be keys with values.", node.start_mark.line)
        for key, value in node.value:
            if key.value not in known:
                # Text that has lost its indentation looks like a key: show only what looks like a name.
                shown = f" {key.value!r}" if re.fullmatch(r"[a-z_]{1,20}", key.value) else ""
                message = f"unknown key{shown} in {what}. Known keys: {', '.join(known)}"
                raise self.error(message, key.start_mark.line)
            if key.value in _TEXT_KEYS:
                for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(one, yaml.ScalarNode):
                        one.tag = _TAG + "str"
        return {key.value: value for key, value in node.value}

    def build(self, record: dict[str, Any], root: yaml.MappingNode) -> Note:
        """The note, or an error that names the line of the span at fault."""
        spans = record.get("spans") or []
        whole = {"format": FORMAT_NAME, **record, "relations": record.get("relations") or []}
        if "note" in whole:
            whole["id"] = whole.pop("note")
        whole["spans"] = [_nest(span) for span in spans]
        start = f"{self.name}:{self.first + root.start_mark.line}"
        try:
            return record_to_note(whole, where=start)
        except FormatError as error:
            raise self.at_span(whole, root) or error from None

    def at_span(self, record: dict[str, Any], root: yaml.MappingNode) -> FormatError | None:
        """The error of the first span that is wrong by itself."""
        nodes = next((value.value for key, value in root.value if key.value == "spans"), [])
        try:
            record_to_note({**record, "spans": [], "relations": []})
        except FormatError:
            return None
        for span, node in zip(record["spans"], nodes, strict=True):
            try:
                record_to_note({**record, "spans": [span], "relations": []})
            except FormatError as error:
                return self.error(error.reason, node.start_mark.line, error.note_id)
        return None


def _nest(span: dict[str, Any]) -> dict[str, Any]:
    """A line as a span's record; a line without an id was written by a person."""
    axes = {key: span[key] for key in ASSERTION_KEYS if span.get(key)}
    rest = {key: value for key, value in span.items() if key not in ASSERTION_KEYS}
    rest = {**rest, "assertion": axes} if axes else rest
    return rest if rest.get("id") else {"status": "added", **rest}


FORMAT = Format(
    "yaml",
    "span file for a text editor: one note a document, one span a line",
    extensions=(".yaml", ".yml"),
    read=read,
    write=write,
    streams=True,
)
