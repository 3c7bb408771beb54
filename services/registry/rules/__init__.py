"""What the registry decides, pure: identity numbers, papers and verification, letters and committees, lockout."""
