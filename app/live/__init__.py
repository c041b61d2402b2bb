"""The live picture: what is where now, and what is wrong, in memory of the web process."""
