"""Chapter 05: clusters of weather."""

CHAPTER = "05-weather-patterns"
