"""The showcase zone: an illustrative Qianhai data set, drawn for this project, and its seeding."""
