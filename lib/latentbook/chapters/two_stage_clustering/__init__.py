"""Chapter 03: a representation, then a clusterer."""
