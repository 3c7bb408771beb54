"""Reads and lists."""
