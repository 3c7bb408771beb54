"""The transparency log: every event of every service becomes a leaf of one public Merkle tree that only grows.

It never decides anything about a tender and never changes what another service said; it keeps it, and proves it.
"""
