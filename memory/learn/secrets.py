"""Recognises texts that must not be kept: with passwords, keys, card or account numbers, or a request to forget."""

from __future__ import annotations

import re

__all__ = ["asks_to_forget", "holds_secret"]

_SECRET = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|xox[abp]|sb_secret)[-_][A-Za-z0-9_-]{12,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.[\w-]{10,}"
    r"|\b(?:password|passwort|passcode|contraseña|mot de passe|pin(?: code| number)?|cvv|secret key)\b"
    r"(?:['’]s\s+|\s*[:=]\s*|\s+(?:is|are|was|ist|est|es)[\s:=]+)\S+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![+\d])\d(?:[ -]?\d){11,}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_FORGET = re.compile(
    r"\b(?:do not|don['’]t|please don['’]t|never) (?:you )?(?:remember|save|store|keep|memori[sz]e|note|write down)\b"
    r"|(?<!don['’]t )(?<!not )(?<!never )(?<!i )(?<!to )\bforget (?:that|this|it|about|what|everything|my|me|i)\b"
    r"|\boff the record\b|\bbetween (?:you and me|us)\b"
    r"|\bvergiss\b|\bmerk (?:dir|es dir|dir das) nicht\b|\b(?:speicher|merk)\w* (?:das|dies|es) nicht\b|\bunter uns\b"
    r"|\boublie(?:z)?\b|\bne (?:retiens|retenez|garde|gardez|note|notez) pas\b|\bentre nous\b"
    r"|\bolvida\b|\bno (?:recuerdes|guardes|anotes)\b|\bentre nosotros\b",
    re.IGNORECASE,
)


def asks_to_forget(text: str) -> bool:
    """Return whether a text asks to forget something, or not to keep it."""
    return bool(_FORGET.search(text))


def holds_secret(text: str) -> bool:
    """Return whether a text holds a password, a key, or a card or account number."""
    return bool(_SECRET.search(text) or _IBAN.search(text) or any(map(_holds_card, _DIGITS.findall(text))))


def _holds_card(digits: str) -> bool:
    """Return whether groups of digits hold a card's number; a date or a security code may follow it."""
    groups = re.split("[ -]", digits)
    spans = ("".join(groups[start:end]) for start in range(len(groups)) for end in range(start + 1, start + 20))
    return any(12 <= len(span) <= 19 and _is_card(span) for span in spans)


def _is_card(digits: str) -> bool:
    """Return whether a number passes Luhn's check, as card numbers do."""
    numbers = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
