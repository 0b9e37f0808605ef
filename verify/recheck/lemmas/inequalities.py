"""An inequality D >= 0 from the equation D square^2 factor = sum of c m q^2."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from verify.recheck.arithmetic import is_zero
from verify.recheck.certificate import Certificate, Fields, RejectedError, array, integer, rational

MOST_POWER = 10_000

Terms = list[tuple[Fraction, dict[int, int]]]  # (coefficient, power of each parameter)


def check_sum(
    handed: Fields,
    D: Any,
    parameters: Sequence[Any],
    signs: Sequence[str],
    strict: bool,
    certificate: Certificate,
    label: str,
) -> None:
    """RejectedError unless the equation holds at the random values of the parameters, and shows that D >= 0 (D > 0)."""
    square, factor = (_terms(handed.any(key), f"{handed.where}.{key}", signs) for key in ("square", "factor"))
    listed = handed.objects("terms")
    certificate.demand(bool(factor) and all(_even(powers, signs) and c > 0 for c, powers in factor), f"{label}: factor")
    above, total = False, certificate.field.one * 0
    for term in listed:
        c, m, q = term.rational("c"), _powers(term.any("m"), term.where, signs), term.any("q")
        certificate.demand(c > 0, f"{term.where}.c: not above 0")
        certificate.demand(all(signs[i] != "free" for i in m), f"{term.where}.m: a free parameter")
        polynomial = _terms(q, f"{term.where}.q", signs)
        total = total + certificate.field.one * c * _value([(Fraction(1), m)], parameters, certificate) * (
            _value(polynomial, parameters, certificate) ** 2
        )
        single = len(polynomial) == 1 and polynomial[0][0] != 0
        above = above or (single and all(signs[i] == "positive" for i in (*m, *polynomial[0][1])))
        term.finish()
    handed.finish()
    certificate.demand(above or not strict, f"{label}: it may be an equality")
    d = _value(square, parameters, certificate)
    certificate.demand(not is_zero(d), f"{label}: square is 0")
    certificate.zero(D * d * d * _value(factor, parameters, certificate) - total, label)


def _terms(value: Any, where: str, signs: Sequence[str]) -> Terms:
    found: Terms = []
    for part in array(value, where):
        pair = array(part, where)
        if len(pair) != 2:
            raise RejectedError(f"{where}: no terms")
        found.append((rational(pair[0], where), _powers(pair[1], where, signs)))
    return found


def _powers(value: Any, where: str, signs: Sequence[str]) -> dict[int, int]:
    """[[parameter, power], ...]"""
    found = dict[int, int]()
    for part in array(value, where):
        pair = array(part, where)
        if len(pair) != 2:
            raise RejectedError(f"{where}: no powers")
        i, e = integer(pair[0], 0, len(signs) - 1, where), integer(pair[1], 1, MOST_POWER, where)
        if i in found:
            raise RejectedError(f"{where}: a parameter twice")
        found[i] = e
    return found


def _even(powers: dict[int, int], signs: Sequence[str]) -> bool:
    return all(e % 2 == 0 or signs[i] != "free" for i, e in powers.items())


def _value(terms: Terms, parameters: Sequence[Any], certificate: Certificate) -> Any:
    total = certificate.field.one * 0
    for c, powers in terms:
        certificate.afford(2 + 30 * len(powers), "the sums")
        term = certificate.field.one * c
        for i, e in powers.items():
            term = term * parameters[i] ** e
        total = total + term
    return total
