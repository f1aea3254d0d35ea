"""`python -m worker.listener LINE_FD SERVER_FD PARENT`: as the runner starts it."""

from __future__ import annotations

import socket
import sys

from worker.frames import read_frame
from worker.listener.server import Server
from worker.listener.setup import Setup
from worker.log import set_up_logging
from worker.slots.linux import die_with_parent, hide_memory

if __name__ == "__main__":
    hide_memory()
    line_fd, server_fd, parent = map(int, sys.argv[1:])
    die_with_parent(parent)
    sys.argv[1:] = []
    connection = socket.socket(fileno=line_fd)
    found = read_frame(connection)
    if found is not None:
        setup = Setup(**found)
        set_up_logging(setup.log_level, runner=setup.runner_name)
        Server(setup, connection, server_fd).run()
