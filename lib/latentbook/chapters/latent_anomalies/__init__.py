"""Chapter 07: anomalies in conditioned latent spaces."""
