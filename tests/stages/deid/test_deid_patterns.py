"""Check digits, and rule files that cannot be right."""

from __future__ import annotations

import pytest

from medtext.config import parse_yaml
from medtext.errors import ConfigError
from medtext.stages.deid import patterns
from medtext.stages.deid.patterns import is_dea, is_luhn, is_npi, is_vin


def test_check_digits_tell_numbers_from_look_alikes():
    assert is_luhn("4111 1111 1111 1111")
    assert not is_luhn("4111 1111 1111 1112")
    assert is_npi("1234567893")
    assert not is_npi("1234567890")
    assert is_dea("AB1234563")
    assert not is_dea("AB1234567")
    assert is_vin("1HGCM82633A004352")
    assert not is_vin("1HGCM82633A004353")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{at: number, pattern: '(?P<MRN>'}", "cannot be compiled"),
        ("{at: number, pattern: '(?P<NUMBER>1)'}", "'NUMBER' is no identifier"),
        ("{at: number, pattern: '1'}", "names no identifier"),
        ("{at: 3, pattern: '(?P<MRN>1)'}", "'at' must be"),
        ("{at: number, pattern: '(?P<MRN>%part%)'}", "unknown part %part%"),
        ("{at: number, check: crc, pattern: '(?P<MRN>1)'}", "unknown check 'crc'"),
        ("{at: number, regex: x}", "unknown key 'regex'"),
    ],
)
def test_a_rule_that_cannot_be_right_is_refused_with_its_line(monkeypatch, rule, message):
    monkeypatch.setattr(patterns, "read_yaml", lambda source: parse_yaml(f"rules:\n  r: {rule}\n", "own.yaml"))
    with pytest.raises(ConfigError, match=message) as error:
        patterns.Patterns.load(frozenset(["MRN"]))
    assert "own.yaml:2" in str(error.value)
