"""Chapter 06: where a release came from."""

CHAPTER = "06-source-estimation"
