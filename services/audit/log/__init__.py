"""The log itself: what a leaf says (`leaves`), the stored tree (`tree`), who appends (`sequencer`), who doubts (`check`)."""
