"""Services: each function does one thing on a Session; the edge commits (app.database.changing_session).

`now_ms` is the caller's clock. Whatever changes judgement takes the next registry generation.
"""
