"""Documents for people and authorities, in Simplified Chinese and English at once."""
