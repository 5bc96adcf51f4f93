"""Check digits, against numbers whose validity is public."""

import random

import pytest

from medtext.generator import checks


def luhn_holds(number):
    """ISO/IEC 7812-1, the other way round: double every second digit from the right; the sum ends in 0."""
    turned = [int(one) for one in reversed(number)]
    return sum(turned[0::2] + [sum(divmod(2 * one, 10)) for one in turned[1::2]]) % 10 == 0


@pytest.mark.parametrize("number", ["4111111111111111", "79927398713", "808401234567893"])
def test_luhn_ends_known_numbers(number):
    assert checks.luhn(number[:-1]) == number[-1]


def test_npi_and_cards_pass_luhn():
    rng = random.Random(1)
    for _ in range(50):
        npi = checks.npi(rng)
        assert len(npi) == 10
        assert luhn_holds("80840" + npi)
        assert luhn_holds(checks.card(rng, ""))


def dea_holds(number):
    digits = [int(one) for one in number[2:]]
    return (digits[0] + digits[2] + digits[4] + 2 * (digits[1] + digits[3] + digits[5])) % 10 == digits[6]


def test_dea_numbers_hold_and_name_their_owner():
    assert dea_holds("AB1234563")
    rng = random.Random(1)
    made = [checks.dea(rng, "Q") for _ in range(50)]
    assert all(dea_holds(one) and one[1] == "Q" for one in made)


def vin_holds(number):
    """49 CFR 565.15: the values of table III as rows of letters, not as one string."""
    values = {letter: row for row, letters in enumerate(["AJ", "BKS", "CLT", "DMU", "ENV", "FW", "GPX", "HY", "RZ"], 1)
              for letter in letters}  # fmt: skip
    values |= {"P": 7, "R": 9} | {str(one): one for one in range(10)}
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    rest = sum(values[one] * weight for one, weight in zip(number, weights, strict=True)) % 11
    return number[8] == ("X" if rest == 10 else str(rest))


def test_vehicle_numbers_hold():
    assert vin_holds("1HGCM82633A004352")
    assert vin_holds("1M8GDM9AXKP042788")
    assert vin_holds("1" * 17)
    rng = random.Random(1)
    made = [checks.vin(rng) for _ in range(100)]
    assert all(vin_holds(one) and not set(one) & set("IOQ") for one in made)
    assert {one[8] for one in made} > {"X"}
