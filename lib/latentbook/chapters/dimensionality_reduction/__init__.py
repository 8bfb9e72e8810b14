"""Chapter 01: dimensionality reduction."""

CHAPTER = "01-dimensionality-reduction"
