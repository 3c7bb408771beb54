"""What the registry is asked and what it answers."""
