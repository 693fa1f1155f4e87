"""How much and how long: the bounds of everything that waits or grows."""

from datetime import timedelta

from authproxy_common.frozen import frozen


@frozen
class Limits:
    """Of the connections to one origin.

    Args:
        connections: Open at once, those that are being made among them.
        waiting: Calls that may wait for one when all are taken.
        waits_within: How long a call waits for a connection.
        connects_within: How long one takes to be made, from the name to the end of the TLS handshake.
        writes_within: How long an upstream may take nothing of what is being sent.
        kept_idle: How long one that nobody uses is kept. Uvicorn and Node close theirs after five seconds; closing
            before them leaves no moment in which a call could be sent to a server that has just hung up.
        swept_every: How late deadlines may be noticed.
        buffered: Bytes of an answer that are read ahead of whoever takes them.
    """

    connections: int = 4096
    waiting: int = 1024
    waits_within: timedelta = timedelta(seconds=5)
    connects_within: timedelta = timedelta(seconds=5)
    writes_within: timedelta = timedelta(seconds=30)
    kept_idle: timedelta = timedelta(seconds=4)
    swept_every: timedelta = timedelta(milliseconds=250)
    buffered: int = 256 * 1024
