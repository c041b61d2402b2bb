"""For any WSGI server: `gunicorn wsgi:app`. `pilotage web` is the usual way."""

from app.web.wsgi import application

app = application()
