"""A witness of transparency logs (C2SP tlog-witness): it signs what it saw, and never two histories of one log.

Not a part of an LPSE but of somebody who watches one: the Inspektorat, another LPSE. It has a database and a key of its own, asks
nobody, and knows of each log how far it had grown when it last looked.
"""
