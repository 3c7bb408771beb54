"""The only public door: pages for people, `/api` for programs, the public log. It owns no data and decides no rule.

It has no database and no bus. What it knows (sessions, limits) it holds in memory, per replica, and may forget.
"""
