"""Chapter 03: a representation, then a clusterer."""

CHAPTER = "03-two-stage-clustering"
