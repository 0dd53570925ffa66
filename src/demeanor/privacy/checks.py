"""Numbers that check themselves: cards, accounts, identity numbers, each by its published rule."""

from __future__ import annotations

import datetime

# Length of an IBAN by country: SWIFT, IBAN Registry, release 99.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card(digits: str) -> bool:
    """Whether 13 to 19 digits are a payment card: an issuer's first digits, and Luhn's sum (ISO/IEC 7812-1)."""
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    issuer = digits[0] in "3456" or 2221 <= int(digits[:4]) <= 2720
    values = [ord(c) - 48 for c in reversed(digits)]
    return issuer and (sum(values[::2]) + sum(_DOUBLED[v] for v in values[1::2])) % 10 == 0


def iban_length(start: str) -> int | None:
    """Characters of an IBAN that begins so; None where the country has none."""
    return _IBAN_LENGTHS.get(start[:2].upper())


def is_iban(text: str) -> bool:
    """Whether letters and digits without spaces are an IBAN: its country's length, and 1 modulo 97 (ISO 13616)."""
    if iban_length(text) != len(text) or not (text.isascii() and text.isalnum()):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_resident_id(text: str) -> bool:
    """Whether 18 characters are a Chinese resident identity number: region, date of birth, check (GB 11643-1999)."""
    if len(text) != 18 or not text[:17].isdecimal() or text[0] not in "12345678":
        return False
    try:
        datetime.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum((1 << (17 - i)) % 11 * int(c) for i, c in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper() and 1800 <= int(text[6:10]) <= 2100


def is_social_security(digits: str) -> bool:
    """Whether nine digits can be a United States social security number (no area 000, 666 or 9xx, no zero part)."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
