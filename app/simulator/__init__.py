"""Drives and flies the showcase's fleet, and commits its scripted breaches, through the vehicle agent."""
