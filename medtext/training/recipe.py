"""A recipe: base encoder, heads, corpora with the map of their labels, and how the training goes. All of it is YAML.

Every label of a corpus must be accounted for: in `labels` (one of ours, or several of which it is one), in `unknown`
(its words may be anything and are left out of the loss) or in `outside` (none of ours).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, parse_yaml, read_yaml, table
from medtext.errors import ConfigError, UnknownNameError
from medtext.inference.windows import Unit

USES = ("train", "dev", "test", "unlabelled")
_KEYS = (
    "extends",
    "adds",
    "name",
    "version",
    "licence",
    "about",
    "base",
    "heads",
    "corpora",
    "training",
    "distil",
    "unit",
    "precision",
)
_PRECISIONS = ("int8", "fp32")


@dataclass(frozen=True, slots=True)
class Generated:
    """Notes made by `medtext.generate` on the carriers of a file, of which a share by hash is never used."""

    count: int
    seed: int
    held_out: float = 0.2
    insertions: int = 6
    unknown_names: float = 0.15
    mess: float = 0.3


@dataclass(frozen=True, slots=True)
class Corpus:
    """A file of notes, which of a head's labels it annotates, and what it is used for.

    `labels` gives for each of its labels those of ours that it may be; none means unknown. `join` are pairs of our
    labels that become the second one where they stand side by side. `clear_of` names heads that have no span where
    this corpus has one. `group` is a pattern whose match in the note id names the document, `group_key` a key of meta.
    `whole` is the key of meta whose value labels the whole text, of a corpus without spans.
    `dev` and `test` are shares of the documents, by hash. `without` names corpora whose documents are dropped here.
    `repeat` is how often each note comes in an epoch.
    """

    name: str
    file: str
    head: str = ""
    format: str = ""
    layer: str = "entity"
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    join: tuple[tuple[str, str], ...] = ()
    clear_of: tuple[str, ...] = ()
    whole: str = ""
    use: str = "train"
    group: str = ""
    group_key: str = ""
    dev: float = 0.0
    test: float = 0.0
    without: tuple[str, ...] = ()
    repeat: float = 1.0
    licence: str = ""
    credit: str = ""
    generate: Generated | None = None

    def finds(self, head: str) -> bool:
        """Whether its gold is spans of this head, to be found."""
        return self.head == head and not self.whole

    @property
    def annotated(self) -> frozenset[str]:
        """Our labels that it marks wherever they stand."""
        return frozenset(one for ours in self.labels.values() for one in ours)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the training goes; rates are per step, `batch_tokens` counts padding.

    `batch_rows`, if any, is the most rows of a batch: without it short texts come by the hundred and learn little each.
    After `restart` epochs, if any, the learning rate rises and falls once more (Loshchilov and Hutter 2017, "SGDR").
    """

    epochs: int = 8
    restart: int = 0
    batch_tokens: int = 1024
    batch_rows: int = 0
    accumulate: int = 1
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.9
    weight_decay: float = 0.01
    warmup: float = 0.1
    dropout: float = 0.1
    label_smoothing: float = 0.0
    clip: float = 1.0
    patience: int = 3
    seed: int = 1
    bf16: bool | None = None
    checkpoint_minutes: float = 4.0


@dataclass(frozen=True, slots=True)
class Distil:
    """A teacher (the folder of a finished training), the softness of its targets and how much of the loss they are."""

    teacher: str
    temperature: float = 2.0
    weight: float = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a training makes, apart from the bytes of the data."""

    name: str
    base: str
    heads: Mapping[str, tuple[str, ...]]
    corpora: Mapping[str, Corpus]
    version: str = "1"
    licence: str = "unstated"
    about: str = ""
    training: Settings = field(default_factory=Settings)
    distil: Distil | None = None
    unit: Unit = field(default_factory=Unit)
    precision: str = "int8"

    def tags(self, head: str) -> tuple[str, ...]:
        """The head's labels in IOB2, in the order of its logits."""
        return ("O", *(f"{at}-{label}" for label in self.heads[head] for at in "BI"))


def load_recipe(recipe: str | Path | Mapping[str, Any]) -> Recipe:
    """A recipe from a YAML file, a shipped name or a mapping; raises ConfigError with the file and line of a fault."""
    held = _extended(table(recipe, "recipe") if isinstance(recipe, Mapping) else _read(recipe))
    heads = {name: _names(held["heads"], name) for name in held.get_typed("heads", dict, table({}))}
    if not heads:
        raise ConfigError(f"{held.where('heads')}: a recipe names at least one head and its labels.")
    corpora = {name: _corpus(name, one, heads) for name, one in held.tables("corpora").items()}
    _check_names(held, corpora)
    texts = {key: held.get_typed(key, str, default) for key, default in _TEXTS.items()}
    if not texts["name"] or not texts["base"]:
        raise ConfigError(f"{held.where()}: a recipe has a name and a base (an encoder's folder or package:folder).")
    if texts["precision"] not in _PRECISIONS:
        raise ConfigError(f"{held.where('precision')}: precision is one of {', '.join(_PRECISIONS)}.")
    training = _built(Settings, _inner(held, "training"), "training")
    _check_settings(held, training)
    distil = _built(Distil, _inner(held, "distil"), "distil") if held.get("distil") is not None else None
    _check_heads(held, heads, corpora, taught=distil is not None)
    unit = _built(Unit, _inner(held, "unit"), "unit")
    return Recipe(heads=heads, corpora=corpora, training=training, distil=distil, unit=unit, **texts)


_TEXTS = {"name": "", "base": "", "version": "1", "licence": "unstated", "about": "", "precision": "int8"}


def _extended(held: Table) -> Table:
    """A recipe over the one that it extends: a key that it gives stands instead of the other's. What `adds` lists
    stands beside the other's heads and corpora."""
    held.allow(_KEYS, "a recipe")
    if "extends" not in held:
        return held
    below = _extended(_read(held.get_typed("extends", str)))
    made = table({}, held.file, held.line)
    made.update({**below, **held})
    made.lines = {**below.lines, **held.lines}
    for key, more in made.pop("adds", table({})).allow(("heads", "corpora"), "adds").items():
        both = table({}, held.file, held.line)
        both.update({**_inner(made, key), **more})
        both.lines = {**_inner(made, key).lines, **more.lines}
        made[key] = both
    return made


def _read(name: str | Path) -> Table:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_yaml(path)
    room = files("medtext.training").joinpath("recipes")
    known = {one.name.removesuffix(".yaml"): one for one in room.iterdir() if one.name.endswith(".yaml")}
    if str(name) not in known:
        raise UnknownNameError("recipe", str(name), known)
    return parse_yaml(known[str(name)].read_text(encoding="utf-8"), f"{name}.yaml")


def _inner(held: Table, key: str) -> Table:
    return held.get_typed(key, dict, None) or table({}, held.file, held.line)


def _built(kind: type, held: Table, what: str) -> Any:
    """A dataclass of settings; the type of each value is that of its default, where it has one."""
    held.allow([one.name for one in fields(kind)], what)
    values = {}
    for one in fields(kind):
        if one.name in held:
            wanted = _TYPES[str(one.type).partition(" ")[0]]
            values[one.name] = held.get_typed(one.name, wanted)
    try:
        return kind(**values)
    except TypeError:
        needed = ", ".join(one.name for one in fields(kind))
        raise ConfigError(f"{held.where()}: {what} lacks a value. Keys: {needed}") from None


_TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool}


def _corpus(name: str, held: Table, heads: Mapping[str, tuple[str, ...]]) -> Corpus:
    known = [one.name for one in fields(Corpus) if one.name != "name"]
    held.allow([*known, "unknown"], f"corpus {name!r}")
    texts = ("file", "head", "format", "layer", "use", "group", "group_key", "whole", "licence", "credit")
    made: dict[str, Any] = {key: held.get_typed(key, str) for key in texts if key in held}
    made |= {key: held.get_typed(key, (int, float)) for key in ("dev", "test", "repeat") if key in held}
    made |= {key: _names(held, key) for key in ("outside", "clear_of", "without") if key in held}
    made["labels"] = _label_map(held)
    made["join"] = tuple(tuple(pair) for pair in held.get_typed("join", list, []))
    if "generate" in held:
        made["generate"] = _built(Generated, _inner(held, "generate"), f"generate of corpus {name!r}")
    corpus = Corpus(name=name, **{"file": "", **made})
    _check_corpus(corpus, held, heads)
    return corpus


def _label_map(held: Table) -> dict[str, tuple[str, ...]]:
    given = held.get_typed("labels", dict, table({}))
    labels = {one: (ours,) if isinstance(ours, str) else tuple(ours) for one, ours in given.items()}
    return labels | dict.fromkeys(_names(held, "unknown"), ())


def _names(held: Table, key: str) -> tuple[str, ...]:
    listed = held.get_typed(key, list, [])
    for one in listed:
        if not isinstance(one, str) or not one:
            raise ConfigError(f"{held.where(key)}: {key!r} is a list of names; {one!r} is none. Put it in quotes.")
    return tuple(listed)


def _check_corpus(one: Corpus, held: Table, heads: Mapping[str, tuple[str, ...]]) -> None:
    where, what = held.where(), f"corpus {one.name!r}"
    if not one.file:
        raise ConfigError(f"{where}: {what} needs a file.")
    if one.use not in USES:
        raise ConfigError(f"{held.where('use')}: {what}: use is one of {', '.join(USES)}, not {one.use!r}.")
    if one.use == "unlabelled":
        return
    for head in (one.head, *one.clear_of):
        if head not in heads:
            raise ConfigError(f"{where}: {what} names the head {head!r}. Heads: {', '.join(heads)}")
    strange = sorted({*one.annotated, *(label for pair in one.join for label in pair)} - set(heads[one.head]))
    if strange:
        raise ConfigError(f"{where}: {what}: head {one.head!r} has no label {strange[0]!r}.")
    if any(len(pair) != 2 for pair in one.join):
        raise ConfigError(f"{held.where('join')}: {what}: join lists pairs of labels.")
    if min(one.dev, one.test) < 0 or one.dev + one.test > 1 or one.repeat < 0:
        raise ConfigError(f"{where}: {what}: dev and test are shares from 0 to 1, repeat is 0 or more.")
    try:
        re.compile(one.group)
    except re.error:
        raise ConfigError(f"{held.where('group')}: {what}: group is no regular expression.") from None


def _check_names(held: Table, corpora: Mapping[str, Corpus]) -> None:
    for one in corpora.values():
        for other in one.without:
            if other not in corpora:
                raise ConfigError(f"{held.where('corpora')}: corpus {one.name!r} is without {other!r}, which is none.")
    if not any(one.use == "train" for one in corpora.values()):
        raise ConfigError(f"{held.where('corpora')}: a recipe has at least one corpus whose use is train.")


def _check_heads(held: Table, heads: Iterable[str], corpora: Mapping[str, Corpus], *, taught: bool) -> None:
    """A head that nothing teaches would say anything."""
    learning = {one.head for one in corpora.values() if one.use == "train"}
    if taught and any(one.use == "unlabelled" for one in corpora.values()):
        return
    for head in heads:
        if head not in learning:
            raise ConfigError(f"{held.where('heads')}: head {head!r} has no corpus to learn from. Leave it out.")


def _check_settings(held: Table, one: Settings) -> None:
    least = {"epochs": 1, "batch_tokens": 8, "batch_rows": 0, "accumulate": 1, "patience": 1}
    for key, value in least.items():
        if getattr(one, key) < value:
            raise ConfigError(f"{held.where('training')}: training: {key} is at least {value}.")
    if not 0 <= one.restart < one.epochs:
        raise ConfigError(f"{held.where('training')}: training: restart is an epoch before the last, or 0 for none.")
    for key in ("warmup", "dropout", "label_smoothing"):
        if not 0 <= getattr(one, key) < 1:
            raise ConfigError(f"{held.where('training')}: training: {key} is a number from 0 to below 1.")
