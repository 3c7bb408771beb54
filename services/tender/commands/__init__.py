"""What people do: load, decide, save, emit, in one transaction."""
