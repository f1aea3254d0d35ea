"""How a run ended, as its slot tells it: a head of fixed size, then the text; checked on arrival.

A result is JSON already: inside a JSON frame it would be escaped and parsed once more.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from worker.frames import FrameError, frame
from worker.results import ResultInvalid, check_result
from worker.slots.runs import Verdict
from worker.texts import clean

END = b"E"  # no JSON object begins so
_HEAD = struct.Struct(">cQBBdd")
_FROM_SLOTS = tuple(v for v in Verdict if v not in (Verdict.DIED, Verdict.NOT_STARTED))
_CODES: dict[Verdict, int] = {verdict: code for code, verdict in enumerate(_FROM_SLOTS)}
_MAX_DELAY_SECONDS = 366 * 86_400
_MAX_SECONDS = 1e15


class End(NamedTuple):
    """The end of run `number`; `text` is the result as JSON, or the error.

    `seconds` is how long the handler took, None where the slot says nothing sane.
    """

    number: int
    verdict: Verdict
    text: str
    delay_seconds: float | None
    seconds: float | None
    is_stopped: bool
    is_reusable: bool


def pack_end(end: End) -> bytes:
    """Return `end` as a frame."""
    head = _HEAD.pack(
        END,
        end.number,
        _CODES[end.verdict],
        end.is_stopped | end.is_reusable << 1,
        math.nan if end.seconds is None else end.seconds,
        math.nan if end.delay_seconds is None else end.delay_seconds,
    )
    return frame(head + end.text.encode(errors="surrogatepass"))


def read_end(body: bytes) -> End:
    """Return the end that a frame tells; raises FrameError where it makes no sense.

    Whatever a handler did, only a sound success is one.
    """
    try:
        _, number, code, flags, took, delay = _HEAD.unpack_from(body)
        verdict = _FROM_SLOTS[code]
        text = body[_HEAD.size :].decode(errors="surrogatepass")
    except (struct.error, IndexError, UnicodeDecodeError):
        raise FrameError("an end that makes no sense") from None
    if verdict is Verdict.SUCCEEDED:
        try:
            check_result(text)
        except ResultInvalid as error:
            verdict, text = Verdict.RESULT_INVALID, clean(str(error))
    else:
        text = clean(text)
    if verdict is not Verdict.RETRY_LATER:
        delay = None
    elif math.isfinite(delay):
        delay = min(max(delay, 0.0), _MAX_DELAY_SECONDS)
    else:
        raise FrameError("a retry_later without seconds")
    seconds = took if 0 <= took < _MAX_SECONDS else None
    return End(number, verdict, text, delay, seconds, bool(flags & 1), bool(flags & 2))
