"""The vehicle's side: a ring buffer on disk, publishing, watermarks, resending, recorded tracks."""
