"""Strict YAML: every mapping knows its line, a key given twice is refused, an unknown key is refused by name."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from medtext.errors import ConfigError, UnknownNameError

Source = Path | Traversable


class Table(dict):
    """A mapping read from YAML that knows its file and the line of each of its keys."""

    __slots__ = ("file", "line", "lines")

    def where(self, key: object = None) -> str:
        """`file:line` of a key, or of the mapping."""
        return f"{self.file}:{self.lines.get(key, self.line)}"

    def allow(self, known: Iterable[str], what: str) -> Table:
        """Itself, when all its keys are known; raises ConfigError that lists those that are."""
        known = list(known)
        for key in self:
            if key not in known:
                raise ConfigError(f"{self.where(key)}: unknown key {key!r} in {what}. Known keys: {', '.join(known)}")
        return self

    def get_typed(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """The value of a key, or the default; raises ConfigError when it is of another type."""
        value = super().get(key, default)
        wrong = value is not default and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool))
        if wrong:
            kinds = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join(_KINDS.get(one, one.__name__) for one in kinds)
            raise ConfigError(f"{self.where(key)}: {key!r} must be {wanted}.")
        return value

    def tables(self, key: str) -> dict[str, Table]:
        """A mapping of names to mappings; an empty entry counts as an empty mapping."""
        value = self.get_typed(key, dict, None)
        if value is None:
            return {}
        out = {}
        for name, entry in value.items():
            if not isinstance(name, str):
                raise ConfigError(f"{value.where(name)}: the name {name!r} must be in quotes, or YAML misreads it.")
            one = table({}, value.file, value.lines.get(name, 0)) if entry is None else entry
            if not isinstance(one, Table):
                raise ConfigError(f"{value.where(name)}: {name!r} must be a mapping.")
            out[name] = one
        return out


_KINDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}


def table(values: Mapping[Any, Any], file: str = "config", line: int = 1) -> Table:
    """A plain mapping as a Table, its mappings with it: for configurations given in Python."""
    made = Table({key: _tabled(value, file, line) for key, value in values.items()})
    made.file, made.line, made.lines = file, line, {}
    return made


def _tabled(value: Any, file: str, line: int) -> Any:
    if isinstance(value, Table):
        return value
    if isinstance(value, Mapping):
        return table(value, file, line)
    if isinstance(value, list | tuple):
        return [_tabled(one, file, line) for one in value]
    return value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML's safe types only, with Tables for mappings."""

    file = ""


def _construct_table(loader: _Loader, node: yaml.MappingNode) -> Table:
    loader.flatten_mapping(node)
    made = Table()
    made.file, made.line, made.lines = loader.file, node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, Hashable):
            raise ConfigError(f"{loader.file}:{line}: a key must be a plain name.")
        if key in made:
            raise ConfigError(f"{loader.file}:{line}: {key!r} stands twice; it first stands at line {made.lines[key]}.")
        made[key] = loader.construct_object(value_node, deep=True)
        made.lines[key] = line
    return made


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_table)


def read_yaml(source: Source) -> Table:
    """The mapping in a YAML file; raises ConfigError with file and line for anything else."""
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{source}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not UTF-8 at byte {error.start}.") from None
    return parse_yaml(text, source.name)


def parse_yaml(text: str, file: str = "config") -> Table:
    """The mapping in YAML text; `file` names it in errors."""
    loader = _Loader(text)
    loader.file = file
    try:
        value = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{file}{line}: not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}."
        ) from None
    finally:
        loader.dispose()
    if not isinstance(value, Table):
        raise ConfigError(f"{file}: a mapping was expected.")
    return value


def shipped(folder: str, name: str, kind: str) -> Traversable:
    """The file `name`.yaml that ships in `medtext.taxonomies` under `folder`; the error lists those that do."""
    room = files("medtext.taxonomies").joinpath(folder) if folder else files("medtext.taxonomies")
    known = {one.name.removesuffix(".yaml"): one for one in room.iterdir() if one.name.endswith(".yaml")}
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def find(name: str | Path, folder: str, kind: str) -> Source:
    """A user's own YAML file by path, or a shipped one by name."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path
    return shipped(folder, str(name), kind)
