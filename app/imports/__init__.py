"""Reading uploaded spreadsheets into rows of text. Nothing is evaluated, and nothing here knows the database."""
