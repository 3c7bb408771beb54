"""Technique without business: what every service is built with."""
