"""Clean up after a test session, however it ends: stop its server, remove its folder.

    python reaper.py FOLDER

The session holds the other end of our standard input; its end is the session's end.
"""

import shutil
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdin.read()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from app.cli.postgres import stop

    stop(folder)
    shutil.rmtree(folder)
