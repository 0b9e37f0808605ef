"""Expressions in one variable as people type them, such as 3*log(T)/T^2: read, never run as code."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from verify.printing import shown

MOST_SIGNS = 200
TOKEN = re.compile(r"\s*(?:([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+)|([A-Za-z]+)|(\*\*|[-+*/^()]))")
FUNCTIONS: dict[str, Callable[[float], float]] = {"log": math.log, "sqrt": math.sqrt, "exp": math.exp}
FORM = "numbers, {}, + - * / ^ ( ), log, sqrt, exp"

Function = Callable[[float], float]


@dataclass(frozen=True)
class Expression:
    """A function of one variable, and the text that it was read from. A call raises ArithmeticError or ValueError where
    it has no finite value."""

    text: str
    function: Function

    def __call__(self, value: float) -> float:
        found = self.function(value)
        if not math.isfinite(found):
            raise ArithmeticError(f"{self.text} is not finite at {value:g}")
        return found


def read_expression(text: str, variable: str) -> Expression:
    """ValueError, with what is wrong, for anything else than an expression in this variable."""
    if len(text) > MOST_SIGNS:
        raise ValueError(f"an expression has at most {MOST_SIGNS} signs, this one has {len(text)}")
    parser = _Parser(text, variable)
    function = parser.sum()
    if parser.token:
        raise ValueError(f"{shown(parser.token)} is not expected there")
    return Expression(text, function)


class _Parser:
    """By recursive descent: sum, product, sign, power, atom."""

    def __init__(self, text: str, variable: str) -> None:
        self.text, self.variable, self.at, self.token = text, variable, 0, ""
        self.next()

    def next(self) -> str:
        """The current token; the one after it becomes the current one, "" at the end."""
        before, rest = self.token, self.text[self.at :]
        match = TOKEN.match(rest)
        if match is None and rest.strip():
            raise ValueError(f"{shown(rest.strip()[0])} is none of: {FORM.format(self.variable)}")
        self.token = match[0].strip() if match else ""
        self.at += match.end() if match else len(rest)
        return before

    def sum(self) -> Function:
        found = self.product()
        while self.token in ("+", "-"):
            found = _both(self.next(), found, self.product())
        return found

    def product(self) -> Function:
        found = self.sign()
        while self.token in ("*", "/"):
            found = _both(self.next(), found, self.sign())
        return found

    def sign(self) -> Function:
        if self.token in ("+", "-"):
            sign, inner = (-1.0 if self.next() == "-" else 1.0), self.sign()
            return lambda x: sign * inner(x)
        return self.power()

    def power(self) -> Function:
        base = self.atom()
        if self.token in ("^", "**"):
            self.next()
            return _both("^", base, self.sign())  # to the right first, as in 2^3^2
        return base

    def atom(self) -> Function:
        token = self.next()
        if token == "(":
            return self.closed()
        if token == self.variable:
            return lambda x: x
        if token in FUNCTIONS:
            if self.next() != "(":
                raise ValueError(f"{token} takes brackets: {token}({self.variable})")
            function, inner = FUNCTIONS[token], self.closed()
            return lambda x: function(inner(x))
        if token and (token[0].isdigit() or token[0] == "."):
            number = float(token)
            return lambda x: number
        if not token:
            raise ValueError("something is missing")
        raise ValueError(f"{shown(token)} is none of: {FORM.format(self.variable)}")

    def closed(self) -> Function:
        found = self.sum()
        if self.next() != ")":
            raise ValueError("a bracket is not closed")
        return found


def _both(operation: str, a: Function, b: Function) -> Function:
    if operation == "+":
        return lambda x: a(x) + b(x)
    if operation == "-":
        return lambda x: a(x) - b(x)
    if operation == "*":
        return lambda x: a(x) * b(x)
    if operation == "/":
        return lambda x: a(x) / b(x)
    return lambda x: math.pow(a(x), b(x))
