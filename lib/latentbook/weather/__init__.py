"""Weather over Europe: grids, windows of time, patterns, and what the wind carries away."""
