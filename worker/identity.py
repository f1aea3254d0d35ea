"""Who this runner is: one start of it, by the name that its operator gave."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from app.version import VERSION


@dataclass(frozen=True, slots=True)
class Identity:
    """A runner instance; its `actor` is what events name."""

    name: str
    instance: UUID = field(default_factory=uuid4)
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    version: str = VERSION

    @property
    def actor(self) -> str:
        return f"runner:{self.name}"
