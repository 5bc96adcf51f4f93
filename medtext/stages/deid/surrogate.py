"""Made-up identifiers from a secret key: the same value of one patient gets the same surrogate in every note.

No table is kept: names in the lexicon, towns and the shapes of numbers are permuted under the key and the patient, so
two of them never share a surrogate; a name in no list is drawn from some 90,000, where ten of them in one record clash
about once in two thousand records, and never within a note. The same name of two patients gets two surrogates. Gender,
case and the shape of numbers stay. An initial alone follows the name that it stands for in the note. What surrogates a
value gets depends on the lexicon, so it may change with a release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.stages.deid.keyed import Keyed
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import NAME_PART, ROLES

KEY_VARIABLE = "MEDTEXT_KEY"
_SHORTEST_KEY = 16
_ATTEMPTS = 100
_KINDS = ("last", "first_f", "first_m", "town")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
# What of an address on the net is no identifier: how it is reached, and the kind of its domain or file.
_OPEN = re.compile(r"^(?:[a-z]{3,5}://)?(?:www\.)?|\.[a-z]{2,8}$", re.IGNORECASE)


def read_key(key_file: str | Path | None, environment: Mapping[str, str] = os.environ) -> bytes:
    """The secret from a file or from MEDTEXT_KEY; raises ConfigError when there is none or it is too short."""
    try:
        key = Path(key_file).read_bytes().strip() if key_file else environment.get(KEY_VARIABLE, "").encode()
    except OSError as error:
        raise ConfigError(f"The key file {key_file} cannot be read: {error.strerror}.") from None
    if not key:
        raise ConfigError(f"Surrogates and shifted dates need a secret. Set {KEY_VARIABLE}, or give key_file.")
    if len(key) < _SHORTEST_KEY:
        raise ConfigError(f"The secret has {len(key)} bytes; {_SHORTEST_KEY} are the least that is safe.")
    return key


@dataclass(frozen=True, slots=True)
class Pools:
    """The made-up names that ship, and the real ones in the order in which they are permuted."""

    made: Mapping[str, Sequence[str]] = field(repr=False)
    longer: Sequence[str] = field(repr=False)
    real: Mapping[str, Mapping[str, int]] = field(repr=False)
    kinds: frozenset[str] = field(repr=False)

    @classmethod
    def load(cls, lexicon: Lexicon, kinds: Iterable[str] = ()) -> Pools:
        """Pools for one lexicon; `kinds` are words of addresses and hospitals that stay. Raises ConfigError."""
        top = read_yaml(files("medtext.stages.rules").joinpath("surrogates.yaml"))
        top.allow(("version", "stay", *_KINDS), "the surrogates")
        towns = {" ".join(words) for held in lexicon.places.values() for words, _ in held}
        used = {*lexicon.first, *lexicon.last, *lexicon.ordinary, *lexicon.eponyms, *lexicon.brands, *towns}
        made: dict[str, list[str]] = {}
        tables = {kind: _table(top, kind) for kind in _KINDS}
        for kind, held in tables.items():
            made[kind] = sorted({a + b for a in _parts(held, "starts") for b in _parts(held, "ends")} - used)
            used |= set(made[kind])
        last = tables["last"]
        joined = (
            a + m + b for a in _parts(last, "starts") for m in _parts(last, "middles") for b in _parts(last, "ends")
        )
        longer = sorted(set(joined) - used)
        by_gender = {kind: [one for one, held in lexicon.first.items() if held != other] for kind, other in _GENDERS}
        real = {"last": sorted(lexicon.last), "town": sorted(towns), **by_gender}
        for kind, values in real.items():
            if len(values) > len(made[kind]):
                raise ConfigError(f"surrogates.yaml: {len(made[kind])} made-up names of {kind} for {len(values)} real.")
        order = {kind: {one: at for at, one in enumerate(sorted(values))} for kind, values in real.items()}
        return cls(made, longer, order, frozenset(kinds) | frozenset(_parts(top, "stay")))


_GENDERS = (("first_f", "M"), ("first_m", "F"))


def _table(top: Table, kind: str) -> Table:
    held = top.get(kind)
    if not isinstance(held, Table):
        raise ConfigError(f"{top.where(kind)}: {kind!r} of the surrogates is missing.")
    return held.allow(("starts", "middles", "ends"), f"surrogates {kind}")


def _parts(table: Table, key: str) -> list[str]:
    value = table.get_typed(key, (str, list), "")
    found = value.split() if isinstance(value, str) else value
    if not found:
        raise ConfigError(f"{table.where(key)}: {key!r} of the surrogates is empty.")
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be replaced: the value, whose it is, and `tweak`, under which another surrogate is drawn.

    `parts` are all parts of that person's names in the note, so that an initial follows the name it stands for.
    """

    quote: str = field(repr=False)
    label: str
    owner: tuple[str, int]
    patient: str
    tweak: str = ""
    parts: frozenset[str] = field(default=frozenset(), repr=False)


class Surrogates:
    """Surrogates from one secret and one lexicon."""

    def __init__(self, key: bytes, lexicon: Lexicon, pools: Pools) -> None:
        self._keyed = Keyed(key)
        self._lexicon, self._pools = lexicon, pools

    def days(self, patient: str) -> int:
        """By how many days a patient's dates move: whole weeks, 1 to 104 of them, back in time."""
        return -7 * (1 + self._keyed.draw("shift", patient) % 104)

    def below(self, share: float, *parts: object) -> bool:
        """True in this share of all draws."""
        return self._keyed.draw("chance", *parts) < share * 2**64

    def of(self, asked: Request, taken: dict[str, tuple[str, int]], originals: frozenset[str]) -> str | None:
        """A surrogate that no other owner in `taken` has and that is none of the note's own values; None if none is.

        `taken` is added to. `originals` are lower-case values and parts of names.
        """
        for attempt in range(_ATTEMPTS):
            made = self._made(asked, f"{asked.tweak}#{attempt}" if attempt else asked.tweak)
            if made is None:
                return None
            low = made.casefold()
            parts = {low, *NAME_PART.findall(low)} if asked.label in ROLES else {low}
            fresh = not parts & originals - _stays(asked, self._lexicon)
            if fresh and taken.setdefault(low, asked.owner) == asked.owner:
                return made
        return None

    def _made(self, asked: Request, tweak: str) -> str | None:
        seed, quote = (asked.patient, tweak), asked.quote
        if asked.label in ROLES:
            return NAME_PART.sub(lambda match: self._part(match[0], asked.parts, seed), quote)
        if asked.label == "PLACE":
            return self._town(quote, seed)
        if asked.label in ("HOSPITAL", "ADDRESS"):
            return self._words(quote, asked.label, seed)
        if asked.label == "AGE":
            return "90"
        if asked.label in ("EMAIL", "URL", "PHOTO"):
            return self._between(quote, asked.label, seed)
        return None if asked.label == "PROFESSION" else self._keyed.shape(quote, asked.label, *seed)

    # ---- names

    def _part(self, part: str, others: frozenset[str], seed: tuple) -> str:
        """Part by part, so that "Anna", "Berg" and "Anna Berg" agree."""
        low = part.casefold()
        if low in self._lexicon.particles or low in self._lexicon.generations:
            return part
        if len(part) == 1:
            name = next((other for other in sorted(others) if len(other) > 1 and other[0] == low), None)
            made = self._name(name, seed)[0] if name else self._keyed.shape(low, "initial", *seed) or "x"
            return made.upper() if part.isupper() else made
        return _cased(self._name(low, seed), part)

    def _name(self, low: str, seed: tuple) -> str:
        gender = self._lexicon.first.get(low)
        if gender and not (low in self._lexicon.last and low in self._lexicon.weak_first):
            gender = gender if gender in "FM" else "FM"[self._keyed.draw("gender", low, *seed[:1]) % 2]
            return self._permuted(low, "first_f" if gender == "F" else "first_m", seed)
        return self._permuted(low, "last", seed)

    def _permuted(self, low: str, kind: str, seed: tuple) -> str:
        at, made = self._pools.real[kind].get(low), self._pools.made[kind]
        if at is None:
            return self._pools.longer[self._keyed.draw("name", low, *seed) % len(self._pools.longer)]
        return made[self._keyed.place(at, len(made), kind, *seed)]

    # ---- places

    def _town(self, quote: str, seed: tuple) -> str:
        low = " ".join(quote.casefold().split())
        at, made = self._pools.real["town"].get(low), self._pools.made["town"]
        if at is None:
            return _cased(self._pools.longer[self._keyed.draw("town", low, *seed) % len(self._pools.longer)], quote)
        return _cased(made[self._keyed.place(at, len(made), "town", *seed)], quote)

    def _words(self, quote: str, label: str, seed: tuple) -> str:
        """Street, Hospital and their kin stay; the names become others, and numbers of as many digits."""
        made = _WORD.sub(lambda match: self._word(match[0], label, seed), quote)
        if made != quote:
            return made
        return f"{self._permuted(quote.casefold(), 'last', seed).capitalize()} Hospital"

    def _word(self, word: str, label: str, seed: tuple) -> str:
        ending = word[-2:] if word.lower().endswith(("'s", "’s")) else ""
        low = word.removesuffix(ending).casefold()
        if low in self._pools.kinds or word.casefold() in self._pools.kinds:
            return word
        if word.isdigit() or len(low) < 3:
            return self._keyed.shape(word, label, *seed) or "0"
        return _cased(self._permuted(low, "last", seed), word) + ending

    # ---- the net

    def _between(self, quote: str, label: str, seed: tuple) -> str | None:
        """The shape of an address; its scheme and the kind of its domain or file stay."""
        opened = [match.span() for match in _OPEN.finditer(quote) if match[0]]
        start = opened[0][1] if opened and opened[0][0] == 0 else 0
        end = opened[-1][0] if opened and opened[-1][1] == len(quote) and opened[-1][0] >= start else len(quote)
        made = self._keyed.shape(quote[start:end], label, *seed)
        return None if made is None else quote[:start] + made + quote[end:]


def _stays(asked: Request, lexicon: Lexicon) -> frozenset[str]:
    """Small parts of names that stay as they are, and initials, of which there are only 26."""
    return lexicon.particles | lexicon.generations | frozenset("abcdefghijklmnopqrstuvwxyz") - {asked.quote.casefold()}


def _cased(name: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return name.upper()
    return name if like.islower() else " ".join(word.capitalize() for word in name.split())
