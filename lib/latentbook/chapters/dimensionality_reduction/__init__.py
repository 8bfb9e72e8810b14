"""Chapter 01: dimensionality reduction."""
