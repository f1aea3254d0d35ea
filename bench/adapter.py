"""`python -m bench.adapter`: one system behind lines of JSON, in the environment of that system.

The first line names the system, the database and the options; each further line is a call with
its arguments and is answered by a line with its value or its error. `work` and `serve` are answered
when they are ready, and never return. Standard library only.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any, TextIO

from bench.systems import Adapter

_ENDLESS = ("work", "serve")


def main() -> None:
    """Serve calls until the end of standard input."""
    answers = _take_stdout()
    hello = json.loads(sys.stdin.readline())
    module = importlib.import_module(f"bench.systems.{hello['system']}")
    adapter: Adapter = module.System(hello["url"], hello["options"])
    for line in sys.stdin:
        call = json.loads(line)
        _answer(answers, _carry_out(adapter, call["call"], call["arguments"], answers))
        if call["call"] in _ENDLESS:
            sys.exit(1)


def _carry_out(
    adapter: Adapter, name: str, arguments: dict[str, Any], answers: TextIO
) -> dict[str, Any]:
    try:
        if name in _ENDLESS:
            getattr(adapter, name)(lambda **told: _answer(answers, {"value": told}))
            raise RuntimeError(f"{name} ended by itself")
        return {"value": getattr(adapter, name)(**arguments)}
    except Exception as error:  # noqa: BLE001 - told to the bench, which asked
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _take_stdout() -> TextIO:
    """Keep standard output for answers; what a system prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
