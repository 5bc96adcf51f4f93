"""A tiny pipeline for the tests of runs; `python -m tests.tiny annotate …` is the command line with it."""

import json
import sys
import time
import warnings

from medtext import registry
from medtext.cli import main
from medtext.redaction import Edit, Redaction
from medtext.span import Code, Span

SECRET = "Zebulon"
STAGES = {"deid": "tests.tiny:Censor", "phrases": "tests.tiny:Finder"}


TEXTS = {
    "a": f"{SECRET} has a fever.",
    "b": "No fever today.",
    "c": "A line\r\nand a NUL \0 and a fever.",
    "d": "Nothing.\n",
}
TROUBLES = [
    json.dumps({"id": "good", "text": f"{SECRET} has a fever."}),
    f'{{"id": "torn", "text": "{SECRET}',
    json.dumps({"id": "breaks", "text": f"BREAK {SECRET}"}),
    json.dumps({"id": "none", "note": SECRET}),
    json.dumps({"id": "empty", "text": " "}),
    json.dumps({"id": "good", "text": SECRET}),
    json.dumps({"id": "last", "text": "fever"}),
]


def write_lines(path, lines):
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


class Censor:
    """Takes one name out; warns and breaks as notes bid it to, quoting them as foreign libraries do; may be slow."""

    name, needs, adds = "deid", frozenset(), frozenset({"phi"})

    def __init__(self, *, policy="safe-harbor", keep_meta=(), neural=None, pause=0.0):
        self.policy, self.keep_meta, self.pause = policy, keep_meta, pause

    def __call__(self, note):
        time.sleep(self.pause)
        if "WARN" in note.text:
            warnings.warn(note.text, stacklevel=2)
        if "BREAK" in note.text:
            raise KeyError(note.text)
        at = note.text.find(SECRET)
        if at >= 0:
            note = Redaction((Edit(at, at + len(SECRET), "[NAME-1]"),)).redact(note)
            note = note.add([Span(((at, at + 8),), "NAME", layer="phi")])
        return note.replace(deidentified=True, meta={name: note.meta[name] for name in self.keep_meta})

    def describe(self):
        return {"policy": self.policy}


class Finder:
    """Marks the first fever."""

    name, needs, adds = "phrases", frozenset(), frozenset({"entity"})

    def __call__(self, note):
        at = note.text.find("fever")
        codes = (Code("SNOMED", "386661006"),)
        return note if at < 0 else note.add([Span(((at, at + 5),), "PROBLEM", codes=codes)])


if __name__ == "__main__":
    registry.STAGES.update(STAGES)
    sys.exit(main())
