"""Packages, tenders, bids, evaluation, objections, appointments.

Owns every decision of a tender and the time it was made. Never holds a file: bytes are with documents, known here by
their fingerprints. Never tells a price or a bidder before the law makes it public.
"""
