"""Numbers whose last digits prove the others: NPI, DEA, payment cards, vehicle identification numbers.

Luhn: ISO/IEC 7812-1, annex B. NPI: the same behind the prefix 80840 (45 CFR 162.406). DEA: twice the even places and
once the odd ones. VIN: 49 CFR 565.15, table IV.
"""

from __future__ import annotations

import random

_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def digits(rng: random.Random, count: int) -> str:
    """So many digits, zeros included."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def luhn(body: str) -> str:
    """The check digit of a number without it."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 * (doubled > 9)
    return str(-total % 10)


def npi(rng: random.Random) -> str:
    """A national provider identifier: ten digits."""
    body = "1" + digits(rng, 8)
    return body + luhn("80840" + body)


def dea(rng: random.Random, initial: str) -> str:
    """A DEA registration: a registrant's letter, the initial of the family name, seven digits."""
    body = digits(rng, 6)
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return f"{rng.choice('ABFM')}{initial}{body}{(odd + 2 * even) % 10}"


def card(rng: random.Random, between: str) -> str:
    """A payment card number in groups of four."""
    body = rng.choice("45") + digits(rng, 14)
    number = body + luhn(body)
    return between.join(number[at : at + 4] for at in range(0, 16, 4))


def vin(rng: random.Random) -> str:
    """A vehicle identification number: the ninth character checks the others."""
    letters = [rng.choice(_VIN_LETTERS + "0123456789") for _ in range(11)] + list(digits(rng, 6))
    letters[8] = "0"
    rest = sum(_VIN_VALUES[one] * weight for one, weight in zip(letters, _VIN_WEIGHTS, strict=True)) % 11
    letters[8] = "X" if rest == 10 else str(rest)
    return "".join(letters)
