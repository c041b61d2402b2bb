"""Answers that are made ahead of time, kept by the browser and sent again only when they have changed."""

from __future__ import annotations

from flask import Response, request


def kept_answer(body: bytes, zipped: bytes, tag: str, *, media_type: str, cache_control: str) -> Response:
    """`body`, or for those who take it `zipped`; 304 to whoever has it. `tag` is a strong validator of `body`."""
    is_zipped = request.accept_encodings.quality("gzip") > 0
    answer = Response(zipped if is_zipped else body, mimetype=media_type)
    if is_zipped:
        answer.content_encoding = "gzip"
    answer.headers["Cache-Control"] = cache_control
    answer.vary.add("Accept-Encoding")
    answer.set_etag(f"{tag}-gzip" if is_zipped else tag)
    answer.make_conditional(request)
    return answer
