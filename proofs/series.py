"""Power series truncated at a fixed order, with coefficients in any field. Plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Series:
    """coefficients[0] + coefficients[1] z + ... + O(z^order), order = len(coefficients) >= 1.

    Adds, subtracts, multiplies and divides with series of the same order and with scalars of the coefficients' field.
    Dividing by a series without constant term raises the field's ZeroDivisionError.
    """

    coefficients: tuple[Any, ...]

    @staticmethod
    def monomial(power: int, order: int, zero: Any, one: Any) -> Series:
        """z^power + O(z^order)."""
        return Series(tuple(one if i == power else zero for i in range(order)))

    def __getitem__(self, i: int) -> Any:
        return self.coefficients[i]

    def __add__(self, other: Any) -> Series:
        if isinstance(other, Series):
            return Series(tuple(x + y for x, y in zip(self.coefficients, self._same_order(other), strict=True)))
        return Series((self.coefficients[0] + other, *self.coefficients[1:]))

    def __mul__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return Series(tuple(x * other for x in self.coefficients))
        x, y = self.coefficients, self._same_order(other)
        return Series(tuple(sum(x[i] * y[k - i] for i in range(k + 1)) for k in range(len(x))))

    def __truediv__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return Series(tuple(x / other for x in self.coefficients))
        y, quotient = self._same_order(other), list[Any]()
        for k, x in enumerate(self.coefficients):  # from self = quotient * other, coefficient by coefficient
            quotient.append((x - sum(quotient[i] * y[k - i] for i in range(k))) / y[0])
        return Series(tuple(quotient))

    def __rtruediv__(self, other: Any) -> Series:
        return Series((other, *(other * 0 for _ in self.coefficients[1:]))) / self

    def __sub__(self, other: Any) -> Series:
        return self.__add__(other * -1)

    def _same_order(self, other: Series) -> tuple[Any, ...]:
        if len(self.coefficients) != len(other.coefficients):
            raise ValueError(f"series of orders {len(self.coefficients)} and {len(other.coefficients)} do not mix")
        return other.coefficients

    __radd__ = __add__
    __rmul__ = __mul__
