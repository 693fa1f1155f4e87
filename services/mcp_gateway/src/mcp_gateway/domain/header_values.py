"""Text as the value of a header (RFC 9110 §5.5): printable ASCII as it is, everything else percent-encoded as UTF-8.

`%` is encoded too, so that no two texts look alike and decoding gives back what was written.
"""

from urllib.parse import quote

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def header_value(text: str) -> str:
    """One text."""
    return _encoded(text, _PRINTABLE)


def header_list(texts: tuple[str, ...]) -> str:
    """Several, with commas between them; a comma inside of one is encoded."""
    return ",".join(_encoded(text, _PRINTABLE.replace(",", "")) for text in texts)


def _encoded(text: str, safe: str) -> str:
    encoded = quote(text, safe=safe)
    # Spaces at the ends are not part of a value to whoever reads it.
    start = len(encoded) - len(encoded.lstrip(" "))
    end = len(encoded.rstrip(" "))
    return "%20" * start + encoded[start:end] + "%20" * (len(encoded) - max(start, end))
