"""The commands: what an operator types. `system.py` declares the whole system in one file."""
