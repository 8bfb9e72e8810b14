"""Running the chapters and writing the pages of the book."""
