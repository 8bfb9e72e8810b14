"""Chapter 02: autoencoders and what they are used for, one module a use."""

CHAPTER = "02-autoencoders"
#: Bits a pixel at which compressors are compared: the lecture's compressor works at that rate.
TARGET_RATE = 0.15
