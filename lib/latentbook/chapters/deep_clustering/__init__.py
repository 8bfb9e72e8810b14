"""Chapter 04: deep clustering with a convolutional autoencoder (DCEC)."""

CHAPTER = "04-deep-clustering"
