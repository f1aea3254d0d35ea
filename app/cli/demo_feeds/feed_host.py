"""The demo's web host: a few documents on a free loopback port, while the context lasts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.cli.demo_feeds.documents import BROKEN_FEED, atom, json_feed, metrics_csv, rss
from app.cli.demo_feeds.tellings import read_outlets

SLOW_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class DemoFeeds:
    """Where the demo's documents are. `sources` fit the payload of `nearsight_collect_refresh`."""

    sources: list[dict[str, str]]
    metrics_url: str


@dataclass(frozen=True, slots=True)
class _Reply:
    body: bytes
    content_type: str
    wait_seconds: float = 0.0

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


@contextmanager
def serve_demo_feeds() -> Iterator[DemoFeeds]:
    """Serve until the context is left; a reply that is being held back then is dropped."""
    replies = _replies(datetime.now(UTC))
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = replies.get(self.path)
            if reply is None:
                self.send_error(404)
                return
            if closing.wait(reply.wait_seconds):
                self.close_connection = True
                return
            is_unchanged = self.headers.get("If-None-Match") == reply.etag
            self.send_response(304 if is_unchanged else 200)
            self.send_header("ETag", reply.etag)
            if not is_unchanged:
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if not is_unchanged:
                self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the demo's output is the demo's."""

    host = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.daemon_threads = True
    thread = threading.Thread(target=host.serve_forever, args=(0.05,), name="demo-feeds")
    thread.start()
    address = f"http://127.0.0.1:{host.server_port}"
    try:
        yield DemoFeeds(
            sources=[
                {"name": "Harbour Post", "url": f"{address}/harbour-post/rss.xml"},
                {"name": "The Linden Courier", "url": f"{address}/linden-courier/atom.xml"},
                {"name": "Radio Kestrel", "url": f"{address}/radio-kestrel/feed.json"},
                {"name": "Northmoor Bulletin", "url": f"{address}/northmoor-bulletin/slow.xml"},
                {"name": "Teatime Gazette", "url": f"{address}/teatime-gazette/broken.xml"},
            ],
            metrics_url=f"{address}/metrics.csv",
        )
    finally:
        closing.set()
        host.shutdown()
        thread.join()
        host.server_close()


def _replies(now: datetime) -> dict[str, _Reply]:
    outlets = read_outlets(now)
    rss_type, csv_type = "application/rss+xml; charset=utf-8", "text/csv; charset=utf-8"
    slow = rss(outlets["northmoor_bulletin"])
    return {
        "/harbour-post/rss.xml": _Reply(rss(outlets["harbour_post"]), rss_type),
        "/linden-courier/atom.xml": _Reply(atom(outlets["linden_courier"]), "application/atom+xml"),
        "/radio-kestrel/feed.json": _Reply(
            json_feed(outlets["radio_kestrel"]), "application/feed+json"
        ),
        "/northmoor-bulletin/slow.xml": _Reply(slow, rss_type, wait_seconds=SLOW_SECONDS),
        "/teatime-gazette/broken.xml": _Reply(BROKEN_FEED, rss_type),
        "/metrics.csv": _Reply(metrics_csv(now.date()), csv_type),
    }
