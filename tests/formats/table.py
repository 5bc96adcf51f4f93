"""The table of formats in docs/formats.md, from what each format says of itself.

`python -m tests.formats.table` writes it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from medtext.formats import Format, get_format
from medtext.registry import FORMATS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "formats.md"
_BLOCK = re.compile(r"(<!-- formats: .*?-->\n).*?(<!-- end of formats -->)", re.DOTALL)


def table() -> str:
    """The table, a row a format."""
    rows = ["| `--to`, `--from` | what it is | what it cannot hold |", "|---|---|---|"]
    rows += [f"| `{one.name}` | {one.description} | {cannot_hold(one)} |" for one in map(get_format, sorted(FORMATS))]
    return "\n".join(rows) + "\n"


def cannot_hold(one: Format) -> str:
    """What a format loses, in a line."""
    if one.write is None:
        return "read only"
    if one.read is None:
        return "written only"
    return "; ".join(_losses(one)) or "–"


def _losses(one: Format) -> Iterator[str]:
    lost = sorted(one.loses)
    whole = [name for name in lost if "." not in name]
    if whole:
        yield " ".join(whole)
    for head in ("text", "spans", "relations"):
        parts = [name.partition(".")[2] for name in lost if name.startswith(f"{head}.")]
        if parts and head not in whole:
            yield f"of {head}: {' '.join(parts)}"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_BLOCK.sub(lambda found: found[1] + table() + found[2], text), encoding="utf-8")
