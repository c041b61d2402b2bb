"""What comes in and goes out, once for every door: the API, the forms and the spreadsheets.

An input schema says what a valid vehicle, licence or application is; services take what it made of
the input. Nothing here knows Flask or SQLAlchemy.
"""
