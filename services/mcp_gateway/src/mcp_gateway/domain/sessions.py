"""Sessions of MCP servers that have several endpoints (MCP 2025-11-25, transports: session management)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """Which endpoint created a session, the only one that knows it. Its key is the server and the session's id."""

    url: str
    kept_at: datetime
