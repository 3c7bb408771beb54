"""The registry: people and what they may do, the city's work units, providers and their verification (Pasal 5 to 9).

It owns accounts, sessions, letters, SKPD, committees and providers. It knows nothing of packages, tenders or bids, and
keeps no bytes: papers lie in documents, here stand their fingerprints.
"""
