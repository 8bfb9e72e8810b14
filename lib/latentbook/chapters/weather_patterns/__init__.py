"""Chapter 05: clusters of weather."""
