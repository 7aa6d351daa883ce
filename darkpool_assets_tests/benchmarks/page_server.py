"""A local service that hands out rendered pages, in a process of its own so that neither its memory nor its work counts.

`served(trades=, quotes=)` starts it; rest_pages.py reads from it.
"""

import argparse
import gzip
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from darkpool_assets_tests.benchmarks.rendered_pages import PAGE_ROWS, SYMBOL, quotes_page, trades_page

_RENDERERS = {"/v3/trades": trades_page, "/v3/quotes": quotes_page}


@contextmanager
def served(*, trades: int, quotes: int) -> Iterator[str]:
    """Address of a service with this many trades and quotes, in whole pages; it stops when the block ends."""
    command = [sys.executable, "-m", __name__, f"{-(-trades // PAGE_ROWS)}", f"{-(-quotes // PAGE_ROWS)}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[tuple[str, int], bytes]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        number = int(parse_qs(address.query).get("cursor", ["0"])[0])
        body = self.pages[address.path.removesuffix(f"/{SYMBOL}"), number]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


def main() -> None:
    """Render every page, say the address, serve until terminated."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trades_pages", type=int)
    parser.add_argument("quotes_pages", type=int)
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    base = f"http://127.0.0.1:{server.server_port}"
    _Handler.pages = {}
    for path, pages in zip(_RENDERERS, (arguments.trades_pages, arguments.quotes_pages), strict=True):
        for number in range(pages):
            following = f"{base}{path}/{SYMBOL}?cursor={number + 1}" if number + 1 < pages else None
            body = _RENDERERS[path](number, pages=pages, next_url=following)
            _Handler.pages[path, number] = gzip.compress(body, compresslevel=1)
    print(base, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
