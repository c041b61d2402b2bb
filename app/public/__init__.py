"""What the public may know: read from the registry into the schemas of app.schemas.public, and into nothing else."""
