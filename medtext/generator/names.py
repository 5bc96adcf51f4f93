"""Names for invented people: from the lexicons that ship, or made up so that no lexicon holds them.

A detector that knows the lexicons is flattered by names from them; made-up ones come from a chain of letters that was
learnt on the lexicons, so they look like names and are none of those listed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError

_REACH = 3  # letters of context: fewer make names nobody can say, more copy the list


@dataclass(frozen=True, slots=True)
class Chain:
    """What follows each run of three letters in a list of words; `^` begins a word and `$` ends it."""

    follows: Mapping[str, str] = field(repr=False)

    @classmethod
    def learn(cls, words: Iterable[str]) -> Chain:
        """The chain of these words, whatever order they come in."""
        follows: dict[str, list[str]] = {}
        for word in sorted({word for word in words if word.isascii() and word.isalpha()}):
            padded = "^" * _REACH + word + "$"
            for at in range(_REACH, len(padded)):
                follows.setdefault(padded[at - _REACH : at], []).append(padded[at])
        return cls({context: "".join(letters) for context, letters in follows.items()})

    def draw(self, rng: random.Random, avoid: frozenset[str]) -> str:
        """A word of 4 to 10 letters that is not in `avoid`."""
        while True:
            word, context = "", "^" * _REACH
            while not context.endswith("$"):
                context = context[1:] + rng.choice(self.follows[context])
                word += context[-1]
            word = word[:-1]
            if 4 <= len(word) <= 10 and word not in avoid:
                return word


@dataclass(frozen=True, slots=True)
class Person:
    """One person: the parts of the name as they are spelled, and whether the lexicons hold them."""

    sex: str
    first: str = field(repr=False)
    last: str = field(repr=False)
    middle: str = field(repr=False)
    nick: str = field(repr=False)
    suffix: str = field(repr=False)
    first_known: bool = True
    last_known: bool = True

    def spelled(self, form: str) -> str:
        """The name in one of FORMS."""
        return FORMS[form].format(
            first=self.first, last=self.last, middle=self.middle, nick=self.nick, f=self.first[0], m=self.middle[0],
            l=self.last[0], caps=self.last.upper(), suffix=f" {self.suffix}" if self.suffix else "",
        )  # fmt: skip

    def known(self, form: str) -> bool | None:
        """Whether the lexicons hold every name that this form spells out; None where it spells none."""
        pattern = FORMS[form]
        asked = [
            held
            for keys, held in ((("{last}", "{caps}"), self.last_known), (("{first}", "{nick}"), self.first_known))
            if any(key in pattern for key in keys)
        ]
        return all(asked) if asked else None


FORMS = {
    "full": "{first} {last}",
    "generation": "{first} {last}{suffix}",
    "middle": "{first} {m}. {last}",
    "middle_bare": "{first} {m} {last}",
    "middle_full": "{first} {middle} {last}",
    "first": "{first}",
    "last": "{last}",
    "nick": "{nick}",
    "nick_last": "{nick} {last}",
    "last_first": "{last}, {first}",
    "last_first_middle": "{last}, {first} {m}",
    "last_first_caps": "{caps}, {first}",
    "last_first_tight": "{last},{first}",
    "last_initial": "{last}, {f}",
    "initials": "{f}.{l}.",
    "initials_bare": "{f}{m}{l}",
    "initial_last": "{f}. {last}",
    "initials_last": "{f}. {m}. {last}",
    "initials_last_tight": "{f}.{m}. {last}",
    "first_initial": "{first} {l}.",
}


class Names:
    """The lexicons that ship and the chains learnt on them. Raises ConfigError when a table is missing."""

    def __init__(self) -> None:
        self.people = rules("people.yaml")
        table = _rows("first_names.tsv")
        self.first = {sex: [row[0] for row in table if row[1] in (sex, "U")] for sex in "FM"}
        self.last = [row[0] for row in _rows("last_names.tsv")]
        self.places = [row[0] for row in _rows("places.tsv")]
        self.ordinary = frozenset(read_yaml(_stage_rules("names.yaml")).get_typed("ordinary", str, "").split())
        self._listed = frozenset(row[0] for row in table) | frozenset(self.last)
        self._avoid = self.ordinary | self._listed | {word.lower() for place in self.places for word in place.split()}
        self._chains = {sex: Chain.learn(names) for sex, names in self.first.items()}
        self._chains |= {"last": Chain.learn(self.last)}
        self._chains |= {"place": Chain.learn(word.lower() for place in self.places for word in place.split())}

    def person(self, rng: random.Random, sex: str, *, unknown: float, last: Person | None = None) -> Person:
        """A person; the share `unknown` of people have made-up names. `last` gives a relative the family name."""
        known = rng.random() >= unknown
        first = rng.choice(self.first[sex]) if known else self._chains[sex].draw(rng, self._avoid)
        family, family_known = (last.last, last.last_known) if last else self.family(rng, known=known)
        nick = rng.choice(self.people["nicknames"].get(first, [first]))
        suffix = rng.choice(["Jr.", "Sr.", "III", "II"]) if sex == "M" and rng.random() < 0.3 else ""
        middle = rng.choice(self.first[sex])
        parts = (spelled(first), family, spelled(middle), spelled(nick), suffix)
        return Person(sex, *parts, first_known=known, last_known=family_known)

    def family(self, rng: random.Random, *, known: bool) -> tuple[str, bool]:
        """A family name, now and then with a hyphen or a particle, and whether the lexicons hold it."""

        def one() -> str:
            return spelled(rng.choice(self.last) if known else self._chains["last"].draw(rng, self._avoid))

        turn = rng.random()
        if turn < 0.08:
            return f"{one()}-{one()}", known
        if turn < 0.13:
            return f"{rng.choice(self.people['particles'])} {one()}", known
        return one(), known

    def place(self, rng: random.Random, *, unknown: float) -> tuple[str, bool]:
        """A town, and whether the lexicon holds it."""
        if rng.random() >= unknown:
            return rng.choice(self.places), True
        made = self._chains["place"].draw(rng, self._avoid).capitalize()
        return rng.choice(self.people["towns"]).format(made), False


def spelled(name: str) -> str:
    """A name of the lexicon as people write it: `McDonald`, `O'Malley`."""
    if name.startswith("mc") and len(name) > 4:
        return "Mc" + name[2:].capitalize()
    return "-".join(part.title().replace("'S", "'s") for part in name.split("-"))


def rules(name: str) -> Table:
    """One of the generator's own rule files."""
    return read_yaml(files("medtext.generator").joinpath("rules", name))


def _stage_rules(name: str):
    return files("medtext.stages.rules").joinpath(name)


def _rows(name: str) -> list[list[str]]:
    try:
        text = _stage_rules(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{name}: the table is missing from the installation. Install medtext again.") from None
    return [line.split("\t") for line in text.split("\n") if line and not line.startswith("#")]
