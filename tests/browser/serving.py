"""An app served to a browser by a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

_FILES = ("/static/", "/assets/")


class Quiet(WSGIRequestHandler):
    """Says nothing of requests: what went wrong is in the answer."""

    def log_request(self, *_: object) -> None:
        return


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of `app` on a free loopback port, until the block ends."""
    server = make_server("127.0.0.1", 0, _with_whole_files(app), threaded=True, request_handler=Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of its ThreadingMixIn
    thread = threading.Thread(target=server.serve_forever, name="web")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _with_whole_files(app: Flask) -> Any:
    """Files are read at once: this server forgets to close one when the browser leaves in the middle of it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = app(environ, start_response)
        if not environ["PATH_INFO"].startswith(_FILES):
            return body
        with closing(cast("Any", body)):
            return [b"".join(body)]

    return answer
