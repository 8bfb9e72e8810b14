"""Chapter 06: where a release came from."""
