"""Chapter 02: autoencoders and what they are used for, one module a use."""

CHAPTER = "02-autoencoders"
