"""Why there is no answer, or no more of it. Nobody outside of this room catches these; the doctor reads their kinds."""


class ExchangeFailed(Exception):
    """The message is for the log."""


class Broken(ExchangeFailed):
    """The connection ended before the answer did."""


class HungUp(Broken):
    """A kept connection ended before anything came: it may have been closed before anything was asked."""


class Overdue(ExchangeFailed, TimeoutError):
    """The upstream took too long."""


class NotHTTP(ExchangeFailed):
    """What came is no answer, or one of which two programs could disagree where it ends."""
