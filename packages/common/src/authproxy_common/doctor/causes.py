"""Why something could not be reached, in words, from the exceptions that a client's own error was made of."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping

from authproxy_common.doctor.findings import shown


def cause_of(error: BaseException) -> str:
    """The first thing in the chain of causes that an operator can do something about."""
    chain = list(causes(error))
    for kind, words in _KNOWN.items():
        for each in chain:
            if isinstance(each, kind):
                return words(each)
    return f"the connection broke ({type(chain[min(1, len(chain) - 1)]).__name__})"


def _certificate(error: BaseException) -> str:
    return f"its certificate is not believed ({shown(getattr(error, 'verify_message', ''))})"


# From the one that says most to the one that says least.
_KNOWN: Mapping[type[BaseException], Callable[[BaseException], str]] = {
    ssl.SSLCertVerificationError: _certificate,
    ssl.SSLError: lambda _error: "it does not speak TLS as this process does",
    socket.gaierror: lambda _error: "its name cannot be resolved",
    ConnectionRefusedError: lambda _error: "nothing listens there",
    TimeoutError: lambda _error: "no answer in time",
}


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was made of."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from causes(each)
        error = error.__cause__ or error.__context__
