"""helpdesk owns what people ask and complain of, whom a complaint must reach, and what the LPSE announces.

It never deletes a complaint, never decides about a tender and touches no server.
"""
