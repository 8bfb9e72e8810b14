"""Chapter 05: clusters of weather."""

CHAPTER = "05-weather-patterns"
#: Windows that the embedding of the codes shows, at most.
SHOWN = 2500
