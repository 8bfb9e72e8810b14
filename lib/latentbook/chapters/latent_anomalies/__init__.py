"""Chapter 07: anomalies in conditioned latent spaces."""

CHAPTER = "07-latent-anomalies"
